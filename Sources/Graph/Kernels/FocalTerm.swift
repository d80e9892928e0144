/// The focal loss of a logit against "not this class", without its class weight, and its slope.
///
/// With p = sigmoid(x): value = p^gamma * softplus(x), the cross entropy of Lin et al. (2017), equation 4, for a
/// negative, and slope = p^gamma * (gamma * (1 - p) * softplus(x) + p). A positive has value(-x) and slope -slope(-x).
struct FocalTerm {
  let value: Lanes
  let slope: Lanes

  /// The terms of sixteen logits, with gamma of at least 0.
  ///
  /// A logit that is NaN or +infinity gives a value that is not finite.
  @inline(__always)
  init(_ x: Lanes, gamma: Float) {
    let t = (-x.magnitudes).exponentialOfNegative
    let logarithm = t.logarithmOfOnePlus
    let softplus = x.rectified + logarithm
    let larger = 1 / (1 + t)
    let smaller = t * larger
    let isNegative = x .< 0
    let probability = larger.replacing(with: smaller, where: isNegative)
    let complement = smaller.replacing(with: larger, where: isNegative)
    // log p = -softplus(-x); the common exponent 2 needs no second exponential.
    let power =
      gamma == 2
      ? probability * probability : ((-gamma) * ((-x).rectified + logarithm)).exponentialOfNegative
    value = power * softplus
    slope = power * probability.addingProduct(gamma * complement, softplus)
  }
}
