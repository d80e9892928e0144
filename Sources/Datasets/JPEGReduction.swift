/// How many pixels of a JPEG picture, along each axis, become one when it is decoded.
///
/// The decoder leaves out the highest frequencies, which is faster than decoding all and means over the pixels that
/// become one. Pixel j stands for the stored pixels from j * factor on, so the last one may reach over the edge.
public enum JPEGReduction: Int, CaseIterable, Sendable {
  /// Every stored pixel.
  case none = 1
  /// One for 2x2.
  case half = 2
  /// One for 4x4.
  case quarter = 4
  /// One for 8x8.
  case eighth = 8

  /// Stored pixels that become one, along each axis.
  public var factor: Int { rawValue }

  /// Pixels that stand for so many stored ones along an axis.
  public func extent(of stored: Int) -> Int { (stored + factor - 1) / factor }
}

extension Placement {
  /// The strongest reduction that leaves no axis with fewer pixels than the resized picture has.
  ///
  /// Pictures under 8 pixels are decoded whole: TurboJPEG is told a size, which there fits several factors.
  public var reduction: JPEGReduction {
    if min(sourceWidth, sourceHeight) < 8 { return .none }
    return JPEGReduction.allCases.last {
      $0.factor * resizedWidth <= sourceWidth && $0.factor * resizedHeight <= sourceHeight
    } ?? .none
  }
}
