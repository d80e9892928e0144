import Glibc
import Tensors

/// How parameters move along their gradients; g is the gradient with its scale and decay.
public enum DescentRule: Equatable, Sendable {
  /// v = momentum v + g; w -= rate v, or with Nesterov w -= rate (g + momentum v); the rate is outside of the accumulator, as
  /// in TensorFlow and PyTorch.
  case momentum(Float, isNesterov: Bool)
  /// RMSProp as TensorFlow has it: s = r s + (1 - r) g^2; v = momentum v + rate g / sqrt(s + epsilon); w -= v.
  case rmsProp(momentum: Float, squareRetention: Float, epsilon: Float)
  /// Adam (Kingma and Ba, 2015, Algorithm 1); `update` counts from 1 and corrects the means' start at 0.
  case adam(momentum: Float, squareRetention: Float, epsilon: Float, update: Int)
  /// LARS (You, Gitman and Ginsburg, 2017) as in TensorFlow's contrib: v = momentum v + rate trust |w| / (|g| + decay |w|) g;
  /// w -= v, with the norms of a parameter's raw gradient and weights; a ratio of 1 where a norm is 0. Biases and batch-norm
  /// have the plain rate and no decay.
  case layerwise(momentum: Float, trust: Float)
}

/// Gradient descent on the flat arenas, slice by slice.
extension ParameterStore {
  /// The running statistics of trained batch-norms, at the end of the gradient arena.
  public var runningStatistics: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: gradientArena[statisticsRange])
  }

  /// Where the running statistics lie in the gradient arena.
  public var statisticsRange: Range<Int> { trainedEnd..<gradientCount }

  /// The hyperparameters of one update.
  public struct Descent: Sendable {
    /// The step along what the rule makes of the gradient.
    public var learningRate: Float
    /// The pull of decayed parameters towards zero, added to the gradient.
    public var weightDecay: Float
    /// What gradients are multiplied with first: 1 over the number of ranks and micro-batches.
    public var gradientScale: Float
    /// How parameters move.
    public var rule: DescentRule
    /// The share of its way to the new value that an average moves; nothing happens where no averages are kept.
    public var averageShare: Float

    /// The hyperparameters of one update.
    public init(
      learningRate: Float, weightDecay: Float, gradientScale: Float, rule: DescentRule, averageShare: Float = 0
    ) {
      (self.learningRate, self.weightDecay, self.gradientScale) = (learningRate, weightDecay, gradientScale)
      (self.rule, self.averageShare) = (rule, averageShare)
    }
  }

  /// Moves the trained parameters whose gradients lie in a range of the gradient arena, and their averages.
  ///
  /// Parameters without decay (batch-norm) have decay 0. The range never cuts a parameter.
  public func descend(_ range: Range<Int>, _ descent: Descent) {
    switch descent.rule {
    case .momentum, .rmsProp, .adam:
      for (run, decays) in decayRuns {
        let part = run.clamped(to: range)
        if !part.isEmpty { move(part, descent, weightDecay: decays ? descent.weightDecay : 0) }
      }
    case .layerwise(let momentum, let trust):
      for index in trainedRanges.indices where range.contains(trainedRanges[index].lowerBound) {
        moveLayer(index, descent, momentum: momentum, trust: trust)
      }
    }
    let part = range.clamped(to: Self.headCount..<trainedEnd)
    if let averages = averageArena?.baseAddress, let values = valueArena.baseAddress, !part.isEmpty {
      FlatKernel.approach(
        averages + part.lowerBound, values + part.lowerBound, count: part.count, share: descent.averageShare)
    }
  }

  /// Moves a slice by one rule with one decay.
  private func move(_ part: Range<Int>, _ descent: Descent, weightDecay: Float) {
    guard let values = valueArena.baseAddress, let gradients = gradientArena.baseAddress,
      let momenta = momentumArena.baseAddress
    else { return }
    let (w, g, v) = (values + part.lowerBound, gradients + part.lowerBound, momenta + part.lowerBound)
    func adapt(_ form: AdaptiveRule.Form, _ momentum: Float, _ squareRetention: Float, _ epsilon: Float) {
      guard let squares = squareArena?.baseAddress else { fatalError("the store keeps no squares") }
      FlatKernel.descend(
        weights: w, gradients: g, velocities: v, squares: squares + part.lowerBound, count: part.count,
        rule: AdaptiveRule(
          form: form, learningRate: descent.learningRate, momentum: momentum, squareRetention: squareRetention,
          epsilon: epsilon, weightDecay: weightDecay, gradientScale: descent.gradientScale))
    }
    switch descent.rule {
    case .momentum(let momentum, let isNesterov):
      FlatKernel.descend(
        weights: w, gradients: g, velocities: v, count: part.count,
        rule: MomentumRule(
          learningRate: descent.learningRate, momentum: momentum, weightDecay: weightDecay,
          gradientScale: descent.gradientScale, isNesterov: isNesterov))
    case .rmsProp(let momentum, let squareRetention, let epsilon):
      adapt(.rmsProp, momentum, squareRetention, epsilon)
    case .adam(let momentum, let squareRetention, let epsilon, let update):
      func correction(_ retention: Float) -> Float { Float(1 / (1 - pow(Double(retention), Double(update)))) }
      adapt(
        .adam(velocityCorrection: correction(momentum), squareCorrection: correction(squareRetention)), momentum,
        squareRetention, epsilon)
    case .layerwise: fatalError("layer-wise rates move whole parameters")
    }
  }

  /// Moves one parameter at a rate of its own: LARS.
  private func moveLayer(_ index: Int, _ descent: Descent, momentum: Float, trust: Float) {
    guard let values = valueArena.baseAddress, let gradients = gradientArena.baseAddress,
      let momenta = momentumArena.baseAddress
    else { return }
    let (range, isVector) = (trainedRanges[index], trainedVectors[index])
    let (w, g) = (values + range.lowerBound, gradients + range.lowerBound)
    var ratio = 1.0
    if !isVector {
      let weightNorm = FlatKernel.sumOfSquares(w, count: range.count).squareRoot()
      let gradientNorm =
        FlatKernel.sumOfSquares(g, count: range.count).squareRoot() * Double(descent.gradientScale)
      if weightNorm > 0 && gradientNorm > 0 {
        ratio = Double(trust) * weightNorm / (gradientNorm + Double(descent.weightDecay) * weightNorm)
      }
    }
    FlatKernel.descend(
      weights: w, gradients: g, velocities: momenta + range.lowerBound, count: range.count,
      rule: MomentumRule(
        learningRate: 1, momentum: momentum, weightDecay: isVector ? 0 : descent.weightDecay,
        gradientScale: descent.gradientScale, isNesterov: false,
        velocityShare: Float(Double(descent.learningRate) * ratio)))
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
