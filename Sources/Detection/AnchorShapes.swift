import Glibc
import Tensors

/// Half the width and height of an anchor, in pixels.
struct AnchorShape {
  var halfWidth: Double
  var halfHeight: Double
}

extension ModelForm {
  /// The nine anchor shapes of a pyramid level, in channel order.
  func anchorShapes(level: Int) -> [AnchorShape] {
    switch self {
    case .paper: Self.paperShapes(level: level)
    case .torchvision: Self.torchvisionShapes(level: level)
    }
  }

  /// Size 4 * 2^level * 2^(k/3), times the aspect multipliers: sizes outermost.
  private static func paperShapes(level: Int) -> [AnchorShape] {
    let aspects = [(x: 1.0, y: 1.0), (x: 1.4, y: 0.7), (x: 0.7, y: 1.4)]
    return (0..<3).flatMap { octave in
      let size = 4 * Double(1 << level) * exp2(Double(octave) / 3)
      return aspects.map { AnchorShape(halfWidth: size * $0.x / 2, halfHeight: size * $0.y / 2) }
    }
  }

  /// Whole-number sizes by height-to-width ratios, ratios outermost.
  ///
  /// Half sides are rounded to whole pixels, ties to even, in single precision as torchvision computes them.
  private static func torchvisionShapes(level: Int) -> [AnchorShape] {
    let base = Double(4 << level)
    let sizes = (0..<3).map { octave in Float((base * exp2(Double(octave) / 3)).rounded(.towardZero)) }
    return [Float(0.5), 1, 2].flatMap { ratio in
      let heightFactor = ratio.squareRoot()
      let widthFactor = 1 / heightFactor
      return sizes.map { size in
        AnchorShape(
          halfWidth: Double((widthFactor * size / 2).rounded(.toNearestOrEven)),
          halfHeight: Double((heightFactor * size / 2).rounded(.toNearestOrEven)))
      }
    }
  }
}
