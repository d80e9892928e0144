/// The gradient that reaches an operation's result before what stands behind it is undone.
///
/// Its value is (first + second) * [output > 0] * [kept] * factor, each part only where it is given. So the gradients
/// of a sum, a ReLU and a mask need no pass and no buffer of their own.
struct IncomingGradient {
  /// The gradient of one use of the result.
  let first: Elements
  /// The gradient of another use.
  let second: Elements?
  /// The result of the ReLU that follows.
  let output: Elements?
  /// The mask that follows.
  let mask: DropMask?

  init(
    _ first: Elements, _ second: Elements? = nil, output: Elements? = nil, mask: DropMask? = nil
  ) {
    (self.first, self.second, self.output, self.mask) = (first, second, output, mask)
  }

  /// What the mask multiplies kept elements with, 1 without a mask.
  var factor: Float { mask?.factor ?? 1 }

  /// The gradient of the group at an element, not yet multiplied with `factor`.
  @inline(__always)
  func lanes(_ element: Int, _ width: GroupWidth) -> Lanes { masked(sumLanes(element, width), element, width) }

  /// The gradient behind the ReLU: what both sides of a sum get before their masks.
  @inline(__always)
  func sumLanes(_ element: Int, _ width: GroupWidth) -> Lanes {
    var gradient = first.lanes(element, width)
    if let second { gradient += second.lanes(element, width) }
    if let output { gradient = gradient.kept(where: output.lanes(element, width) .> 0) }
    return gradient
  }

  /// What the mask leaves of a gradient, not yet multiplied with `factor`.
  @inline(__always)
  func masked(_ gradient: Lanes, _ element: Int, _ width: GroupWidth) -> Lanes {
    if let mask { gradient.kept(where: mask.kept(element, width)) } else { gradient }
  }
}
