/// How gradient descent with momentum moves a parameter.
///
/// v = m v + share * g, w -= rate * v with g = gradient * scale + decay * w. With a share of 1 this is PyTorch's form without
/// dampening and TensorFlow's MomentumOptimizer; LARS puts its rate into the share and moves by 1.
struct MomentumRule {
  /// What the velocity is multiplied with as it moves the weight.
  var learningRate: Float
  /// What the velocity keeps of its value.
  var momentum: Float
  /// The pull towards zero, added to the gradient; 0 for parameters that are not decayed.
  var weightDecay: Float
  /// What the gradient is multiplied with first, such as 1 / ranks.
  var gradientScale: Float
  /// Whether the step looks ahead: w -= rate * (g + momentum * v) in place of w -= rate * v.
  var isNesterov: Bool
  /// What the decayed gradient is multiplied with as it enters the velocity.
  var velocityShare: Float = 1

  /// The new velocity and weight of one group.
  @inline(__always)
  func apply(_ weight: Lanes, _ gradient: Lanes, _ velocity: Lanes) -> (weight: Lanes, velocity: Lanes) {
    let pull = (gradient * gradientScale).addingProduct(weight, weightDecay) * velocityShare
    let moved = pull.addingProduct(velocity, momentum)
    let step = isNesterov ? pull.addingProduct(moved, momentum) : moved
    return (weight.addingProduct(step, -learningRate), moved)
  }
}

/// How an optimizer that divides by the root of a running mean of squares moves a parameter.
///
/// g = gradient * scale + decay * w and s = r s + (1 - r) g^2 in both forms.
struct AdaptiveRule {
  /// What is divided, and how it enters the weight.
  enum Form {
    /// RMSProp with momentum as TensorFlow has it: v = m v + rate * g / sqrt(s + epsilon), w -= v.
    case rmsProp
    /// Adam (Kingma and Ba, 2015, Algorithm 1): v = m v + (1 - m) g, w -= rate * v' / (sqrt(s') + epsilon), where v' and s' are
    /// divided by 1 - m^t and 1 - r^t.
    case adam(velocityCorrection: Float, squareCorrection: Float)
  }

  /// The form.
  var form: Form
  /// The learning rate.
  var learningRate: Float
  /// What the velocity keeps of its value: m.
  var momentum: Float
  /// What the running mean of squares keeps of its value: r.
  var squareRetention: Float
  /// Keeps the division finite.
  var epsilon: Float
  /// The pull towards zero, added to the gradient; 0 for parameters that are not decayed.
  var weightDecay: Float
  /// What the gradient is multiplied with first, such as 1 / ranks.
  var gradientScale: Float

  /// The new weight, velocity and running square of one group.
  @inline(__always)
  func apply(
    _ weight: Lanes, _ gradient: Lanes, _ velocity: Lanes, _ square: Lanes
  ) -> (weight: Lanes, velocity: Lanes, square: Lanes) {
    let pull = (gradient * gradientScale).addingProduct(weight, weightDecay)
    let squared = (square * squareRetention).addingProduct(pull * pull, 1 - squareRetention)
    switch form {
    case .rmsProp:
      let moved = (velocity * momentum).addingProduct(pull / (squared + epsilon).squareRoots, learningRate)
      return (weight - moved, moved, squared)
    case .adam(let velocityCorrection, let squareCorrection):
      let moved = (velocity * momentum).addingProduct(pull, 1 - momentum)
      let divisor = (squared * squareCorrection).squareRoots + epsilon
      return (weight.addingProduct(moved * velocityCorrection / divisor, -learningRate), moved, squared)
    }
  }
}
