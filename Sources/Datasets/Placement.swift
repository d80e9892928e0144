/// Where one picture lands on the network's canvas: flipped, resized, cropped, and padded at the bottom and right.
///
/// Boxes are (x1, y1, x2, y2) in pixels.
public struct Placement: Equatable, Sendable {
  /// Columns of the picture as stored.
  public var sourceWidth: Int
  /// Rows of the picture as stored.
  public var sourceHeight: Int
  /// Whether left and right change places before the resize.
  public var isFlipped: Bool
  /// The wanted ratio of resized to stored size; the exact one of each axis follows from the sizes.
  public var scale: Float
  /// Columns after the resize, before the crop.
  public var resizedWidth: Int
  /// Rows after the resize, before the crop.
  public var resizedHeight: Int
  /// Columns of the resized picture cut off on the left.
  public var cropX: Int
  /// Rows of the resized picture cut off at the top.
  public var cropY: Int
  /// Columns of the canvas.
  public var canvasWidth: Int
  /// Rows of the canvas.
  public var canvasHeight: Int

  /// Columns of the canvas that show the picture; zero-valued padding follows.
  public var visibleWidth: Int { min(resizedWidth - cropX, canvasWidth) }
  /// Rows of the canvas that show the picture.
  public var visibleHeight: Int { min(resizedHeight - cropY, canvasHeight) }

  /// A box of the stored picture on the canvas, not clipped.
  public func box(fromSource box: SIMD4<Float>) -> SIMD4<Float> {
    let ratio = ratios
    var (left, right) = (box[0], box[2])
    if isFlipped { (left, right) = (Float(sourceWidth) - right, Float(sourceWidth) - left) }
    let offset = SIMD4(Float(cropX), Float(cropY), Float(cropX), Float(cropY))
    return SIMD4(left, box[1], right, box[3]) * ratio - offset
  }

  /// A box of the canvas in the stored picture's pixels, not clipped: the inverse of `box(fromSource:)`.
  public func box(toSource box: SIMD4<Float>) -> SIMD4<Float> {
    let offset = SIMD4(Float(cropX), Float(cropY), Float(cropX), Float(cropY))
    let whole = SIMD4(Float(sourceWidth), Float(sourceHeight), Float(sourceWidth), Float(sourceHeight))
    let resized = SIMD4(Float(resizedWidth), Float(resizedHeight), Float(resizedWidth), Float(resizedHeight))
    let result = (box + offset) * (whole / resized)
    if !isFlipped { return result }
    return SIMD4(Float(sourceWidth) - result[2], result[1], Float(sourceWidth) - result[0], result[3])
  }

  /// Resized size over stored size, for x, y, x, y.
  private var ratios: SIMD4<Float> {
    let x = Float(resizedWidth) / Float(sourceWidth)
    let y = Float(resizedHeight) / Float(sourceHeight)
    return SIMD4(x, y, x, y)
  }
}
