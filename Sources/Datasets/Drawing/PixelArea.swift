/// A rectangle of whole pixels, from `left` and `top` to before `right` and `bottom`.
struct PixelArea: Equatable, Sendable {
  var left: Int
  var top: Int
  var right: Int
  var bottom: Int

  init(left: Int, top: Int, right: Int, bottom: Int) {
    (self.left, self.top, self.right, self.bottom) = (left, top, right, bottom)
  }

  init(left: Int, top: Int, width: Int, height: Int) {
    self.init(left: left, top: top, right: left + width, bottom: top + height)
  }

  var width: Int { right - left }
  var height: Int { bottom - top }

  /// Whether a pixel belongs to both.
  func overlaps(_ other: PixelArea) -> Bool {
    left < other.right && other.left < right && top < other.bottom && other.top < bottom
  }

  /// Pixels that belong to both.
  func commonPixels(with other: PixelArea) -> Int {
    max(0, min(right, other.right) - max(left, other.left)) * max(0, min(bottom, other.bottom) - max(top, other.top))
  }

  /// Whether it lies in a picture of this size.
  func isWithin(width: Int, height: Int) -> Bool { left >= 0 && top >= 0 && right <= width && bottom <= height }

  /// The part in a picture of this size; an area without pixels where there is none.
  func clipped(width: Int, height: Int) -> PixelArea {
    func column(_ x: Int) -> Int { min(max(x, 0), width) }
    func row(_ y: Int) -> Int { min(max(y, 0), height) }
    let (left, top) = (column(left), row(top))
    return PixelArea(left: left, top: top, right: max(left, column(right)), bottom: max(top, row(bottom)))
  }

  /// The area without so many pixels at each edge.
  func inset(by pixels: Int) -> PixelArea {
    PixelArea(left: left + pixels, top: top + pixels, right: right - pixels, bottom: bottom - pixels)
  }
}
