/// Where the gradient of a residual sum goes on its way to the two sides.
struct JoinGradient {
  /// The gradient of the sum itself, or nil where nobody reads it; it may be one of its addends.
  let sum: Elements?
  /// The gradient of a shortcut with a mask of its own.
  let shortcut: (gradient: Elements, mask: DropMask?)?

  @inline(__always)
  func store(_ total: Lanes, _ element: Int, _ width: GroupWidth) {
    sum?.store(total, element, width)
    guard let shortcut else { return }
    var lanes = total
    if let mask = shortcut.mask { lanes = (lanes * mask.factor).kept(where: mask.kept(element, width)) }
    shortcut.gradient.store(lanes, element, width)
  }
}
