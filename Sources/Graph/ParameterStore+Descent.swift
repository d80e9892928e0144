import Tensors

/// Gradient descent on the flat arenas, slice by slice.
extension ParameterStore {
  /// The running statistics of trained batch-norms, at the end of the gradient arena.
  public var runningStatistics: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: gradientArena[statisticsRange])
  }

  /// Where the running statistics lie in the gradient arena.
  public var statisticsRange: Range<Int> { trainedEnd..<gradientCount }

  /// The hyperparameters of one update of stochastic gradient descent.
  public struct Descent: Sendable {
    /// The step along the accumulated gradient; outside of the accumulator, as in TensorFlow and PyTorch.
    public var learningRate: Float
    /// The share of the accumulator that is kept.
    public var momentum: Float
    /// Whether the step looks ahead.
    public var isNesterov: Bool
    /// The pull of decayed parameters towards zero.
    public var weightDecay: Float
    /// What gradients are multiplied with first: 1 over the number of ranks and micro-batches.
    public var gradientScale: Float

    /// The hyperparameters of one update.
    public init(
      learningRate: Float, momentum: Float, isNesterov: Bool, weightDecay: Float, gradientScale: Float
    ) {
      (self.learningRate, self.momentum, self.isNesterov) = (learningRate, momentum, isNesterov)
      (self.weightDecay, self.gradientScale) = (weightDecay, gradientScale)
    }
  }

  /// Moves the trained parameters whose gradients lie in a range of the gradient arena.
  ///
  /// v = momentum v + (scale g + decay w); w -= rate v, or with Nesterov w -= rate (scale g + decay w + momentum v).
  /// Parameters without decay (batch-norm) have decay 0.
  public func descend(_ range: Range<Int>, _ descent: Descent) {
    guard let w = valueArena.baseAddress, let g = gradientArena.baseAddress, let v = momentumArena.baseAddress else {
      return
    }
    for (run, decays) in decayRuns {
      let part = run.clamped(to: range)
      if part.isEmpty { continue }
      FlatKernel.descend(
        weights: w + part.lowerBound, gradients: g + part.lowerBound, velocities: v + part.lowerBound,
        count: part.count,
        rule: FlatKernel.MomentumRule(
          learningRate: descent.learningRate, momentum: descent.momentum,
          weightDecay: decays ? descent.weightDecay : 0, gradientScale: descent.gradientScale,
          isNesterov: descent.isNesterov))
    }
  }

  /// Keeps the gradients of a micro-batch: sets `sum` to them, or adds them to it.
  public func stashGradients(in sum: AlignedMemory, isFirst: Bool) {
    guard let g = gradientArena.baseAddress else { return }
    let target = sum.pointer(to: Float.self)
    if isFirst {
      target.update(from: g, count: trainedEnd)
    } else {
      FlatKernel.accumulate(target + Self.headCount, g + Self.headCount, count: trainedEnd - Self.headCount)
    }
  }

  /// Adds the gradients of earlier micro-batches to those of the last in a range of the gradient arena.
  public func addToGradients(_ sum: AlignedMemory, _ range: Range<Int>) {
    let part = range.clamped(to: Self.headCount..<trainedEnd)
    guard let g = gradientArena.baseAddress, !part.isEmpty else { return }
    FlatKernel.accumulate(
      g + part.lowerBound, sum.pointer(to: Float.self) + part.lowerBound, count: part.count)
  }
}
