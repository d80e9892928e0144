import Graph

extension Configuration.Optimizer {
  /// The update of a step, counted from 0, whose gradients are sums over `addends` passes of all ranks.
  func descent(step: Int, learningRate: Double, addends: Int) -> ParameterStore.Descent {
    ParameterStore.Descent(
      learningRate: Float(learningRate), weightDecay: Float(weightDecay), gradientScale: 1 / Float(addends),
      rule: rule(step: step), averageShare: Float(averageShare(step: step)))
  }

  private func rule(step: Int) -> DescentRule {
    let momentum = Float(momentum)
    switch kind {
    case .momentum: return .momentum(momentum, isNesterov: isNesterov)
    case .rmsProp:
      return .rmsProp(momentum: momentum, squareRetention: Float(squareDecay ?? 0.9), epsilon: Float(epsilon))
    case .adam:
      return .adam(
        momentum: momentum, squareRetention: Float(squareDecay ?? 0.999), epsilon: Float(epsilon), update: step + 1)
    case .lars: return .layerwise(momentum: momentum, trust: Float(trustCoefficient))
    }
  }

  /// The share of the way to the new weights that averages move in a step: young averages follow faster, as TensorFlow's do
  /// that know the number of updates.
  func averageShare(step: Int) -> Double {
    guard let averageDecay else { return 0 }
    let updates = Double(step + 1)
    return 1 - min(averageDecay, (1 + updates) / (10 + updates))
  }

  /// Makes the store keep what the rule needs.
  func prepare(_ store: ParameterStore) {
    switch kind {
    case .momentum, .lars: break
    case .rmsProp: store.keepSquares(startingAt: 1)
    case .adam: store.keepSquares(startingAt: 0)
    }
    if averageDecay != nil { store.keepAverages() }
  }
}
