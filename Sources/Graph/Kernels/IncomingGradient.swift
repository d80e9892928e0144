/// The gradient that reaches an operation's result before what stands behind it is undone.
///
/// Its value is (first + second) * [output > 0] * [kept] * factor, each part only where it is given. So the gradients
/// of a sum, a ReLU and a mask need no pass and no buffer of their own.
struct IncomingGradient {
  /// The gradient of one use of the result.
  let first: UnsafePointer<Float>
  /// The gradient of another use.
  let second: UnsafePointer<Float>?
  /// The result of the ReLU that follows.
  let output: UnsafePointer<Float>?
  /// The mask that follows.
  let mask: DropMask?

  init(
    _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>? = nil, output: UnsafePointer<Float>? = nil,
    mask: DropMask? = nil
  ) {
    (self.first, self.second, self.output, self.mask) = (first, second, output, mask)
  }

  /// What the mask multiplies kept elements with, 1 without a mask.
  var factor: Float { mask?.factor ?? 1 }

  /// The gradient of the group at an element, not yet multiplied with `factor`.
  @inline(__always)
  func lanes(_ element: Int, _ width: GroupWidth) -> Lanes {
    var gradient = first.lanes(element, width)
    if let second { gradient += second.lanes(element, width) }
    if let output { gradient = gradient.kept(where: output.lanes(element, width) .> 0) }
    if let mask { gradient = gradient.kept(where: mask.kept(element, width)) }
    return gradient
  }
}
