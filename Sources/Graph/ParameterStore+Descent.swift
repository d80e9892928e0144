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

  /// Copies a range of the gradient arena to the same place of a memory.
  public func copyGradients(_ range: Range<Int>, to memory: AlignedMemory) {
    guard let g = gradientArena.baseAddress, !range.isEmpty else { return }
    memory.pointer(to: Float.self, at: range.lowerBound * 4).update(from: g + range.lowerBound, count: range.count)
  }

  /// Adds a range of a memory to the same place of the gradient arena.
  public func addToGradients(_ memory: AlignedMemory, _ range: Range<Int>) {
    guard let g = gradientArena.baseAddress, !range.isEmpty else { return }
    FlatKernel.accumulate(
      g + range.lowerBound, memory.pointer(to: Float.self, at: range.lowerBound * 4), count: range.count)
  }
}
