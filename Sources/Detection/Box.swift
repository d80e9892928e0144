/// An axis-aligned box by its corners, in pixels; x grows to the right, y downwards.
///
/// The corners are points, not pixels: the width is `x2 - x1`, without the "+1" of older code.
public struct Box: Hashable, Sendable {
  /// The left edge.
  public var x1: Float
  /// The upper edge.
  public var y1: Float
  /// The right edge.
  public var x2: Float
  /// The lower edge.
  public var y2: Float

  /// The box between two corners.
  public init(x1: Float, y1: Float, x2: Float, y2: Float) {
    (self.x1, self.y1, self.x2, self.y2) = (x1, y1, x2, y2)
  }

  /// The width in pixels.
  public var width: Float { x2 - x1 }

  /// The height in pixels.
  public var height: Float { y2 - y1 }

  /// The area in square pixels.
  public var area: Float { (x2 - x1) * (y2 - y1) }

  /// Whether all four coordinates are finite numbers.
  public var isFinite: Bool { x1.isFinite && y1.isFinite && x2.isFinite && y2.isFinite }

  /// The area shared with another box, over the area that the two cover together, in [0, 1].
  ///
  /// 0 where nothing is shared, also between boxes without area.
  public func intersectionOverUnion(_ other: Box) -> Float {
    let width = max(min(x2, other.x2) - max(x1, other.x1), 0)
    let height = max(min(y2, other.y2) - max(y1, other.y1), 0)
    let shared = width * height
    return shared > 0 ? shared / (area + other.area - shared) : 0
  }

  /// The part inside an image of this size, in pixels.
  public func clipped(height: Float, width: Float) -> Box {
    Box(
      x1: min(max(x1, 0), width), y1: min(max(y1, 0), height), x2: min(max(x2, 0), width),
      y2: min(max(y2, 0), height))
  }

  /// The box with x and y stretched by a factor each.
  public func scaled(x: Float, y: Float) -> Box {
    Box(x1: x1 * x, y1: y1 * y, x2: x2 * x, y2: y2 * y)
  }
}
