import Glibc
import Tensors

extension ModelForm {
  /// The largest log size ratio that torchvision decodes: an object of 1000 pixels from an anchor of 16.
  public static let largestLogRatio = Float(log(1000.0 / 16 as Double))

  /// A box as four numbers relative to an anchor, without variances.
  ///
  /// Paper: (ty, tx, th, tw), every size with 1e-8 added, so that a box without area stays finite. torchvision:
  /// (dx, dy, dw, dh); the box must have area. Shifts of the centre are in anchor sizes, sizes in logarithms of the
  /// ratio.
  public func encode(_ box: Box, anchor: Box) -> SIMD4<Float> {
    let smallest: Float =
      switch self {
      case .paper: 1e-8
      case .torchvision: 0
      }
    let (anchorWidth, anchorHeight) = (anchor.width + smallest, anchor.height + smallest)
    let (width, height) = (box.width + smallest, box.height + smallest)
    let shiftX = ((box.x1 + 0.5 * box.width) - (anchor.x1 + 0.5 * anchor.width)) / anchorWidth
    let shiftY = ((box.y1 + 0.5 * box.height) - (anchor.y1 + 0.5 * anchor.height)) / anchorHeight
    let logWidth = logf(width / anchorWidth)
    let logHeight = logf(height / anchorHeight)
    return switch self {
    case .paper: SIMD4(shiftY, shiftX, logHeight, logWidth)
    case .torchvision: SIMD4(shiftX, shiftY, logWidth, logHeight)
    }
  }

  /// The box that four predicted numbers mean at an anchor, in pixels of the padded image.
  ///
  /// torchvision's form bounds the size to 62.5 anchors; the paper's does not.
  public func decode(_ code: SIMD4<Float>, anchor: Box) -> Box {
    let (shiftX, shiftY, logWidth, logHeight) =
      switch self {
      case .paper: (code[1], code[0], code[3], code[2])
      case .torchvision: (code[0], code[1], min(code[2], Self.largestLogRatio), min(code[3], Self.largestLogRatio))
      }
    let centerX = shiftX * anchor.width + (anchor.x1 + 0.5 * anchor.width)
    let centerY = shiftY * anchor.height + (anchor.y1 + 0.5 * anchor.height)
    let halfWidth = 0.5 * (expf(logWidth) * anchor.width)
    let halfHeight = 0.5 * (expf(logHeight) * anchor.height)
    return Box(x1: centerX - halfWidth, y1: centerY - halfHeight, x2: centerX + halfWidth, y2: centerY + halfHeight)
  }
}
