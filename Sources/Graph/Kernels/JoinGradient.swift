/// Where the gradient of a residual sum goes on its way to the two sides.
struct JoinGradient {
  /// The gradient of the sum itself.
  let sum: OptionalElements
  private let shortcut: OptionalElements
  private let shortcutMask: DropMask

  /// - Parameters:
  ///   - sum: the gradient of the sum itself, or nil where nobody reads it; it may be one of its addends.
  ///   - shortcut: the gradient of a shortcut with a mask of its own.
  init(sum: Elements?, shortcut: (gradient: Elements, mask: DropMask)?) {
    (self.sum, self.shortcut) = (OptionalElements(sum), OptionalElements(shortcut?.gradient))
    shortcutMask = shortcut?.mask ?? .none
  }

  /// Where no residual sum stands.
  static var none: JoinGradient { JoinGradient(sum: nil, shortcut: nil) }

  @inline(__always)
  func store(_ total: Lanes, _ element: Int, _ width: GroupWidth) {
    sum.value?.store(total, element, width)
    if let shortcut = shortcut.value {
      shortcut.store(shortcutMask.masked(total * shortcutMask.factor, element, width), element, width)
    }
  }
}
