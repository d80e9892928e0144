/// The gradient that reaches an operation's result before what stands behind it is undone.
///
/// Its value is (first + second) * [output > 0] * [kept] * factor, each part only where it is given. So the gradients
/// of a sum, a ReLU and a mask need no pass and no buffer of their own.
struct IncomingGradient {
  /// The gradient of one use of the result.
  let first: Elements
  /// The gradient of another use.
  private let second: OptionalElements
  /// The result of the ReLU that follows.
  private let output: OptionalElements
  /// The mask that follows.
  let mask: DropMask

  init(
    _ first: Elements, _ second: Elements? = nil, output: Elements? = nil, mask: DropMask = .none
  ) {
    (self.first, self.second) = (first, OptionalElements(second))
    (self.output, self.mask) = (OptionalElements(output), mask)
  }

  /// Whether it has two addends.
  var isSum: Bool { second.value != nil }

  /// What the mask multiplies kept elements with, 1 without a mask.
  var factor: Float { mask.factor }

  /// The gradient of the group at an element, not yet multiplied with `factor`.
  @inline(__always)
  func lanes(_ element: Int, _ width: GroupWidth) -> Lanes { masked(sumLanes(element, width), element, width) }

  /// The gradient behind the ReLU: what both sides of a sum get before their masks.
  @inline(__always)
  func sumLanes(_ element: Int, _ width: GroupWidth) -> Lanes {
    var gradient = first.lanes(element, width)
    if let second = second.value { gradient += second.lanes(element, width) }
    if let output = output.value { gradient = gradient.kept(where: output.lanes(element, width) .> 0) }
    return gradient
  }

  /// What the mask leaves of a gradient, not yet multiplied with `factor`.
  @inline(__always)
  func masked(_ gradient: Lanes, _ element: Int, _ width: GroupWidth) -> Lanes {
    mask.masked(gradient, element, width)
  }
}
