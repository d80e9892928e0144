import Tensors

/// AutoAugment's policy for ImageNet (Cubuk, Zoph, Mané, Vasudevan, Le, 2019): one of 25 pairs of operations an image, each
/// with its probability and strength.
///
/// Strengths become numbers as in TensorFlow's and timm's `original` form: solarize and posterize get weaker with it.
/// It works on the 8-bit picture after crop and flip and before normalisation.
public enum AutoAugment {
  /// The kinds of operation of the policy.
  enum Kind: String, CaseIterable, Sendable {
    case shearX, rotate, autoContrast, invert, equalize, solarize, posterize, contrast, color, sharpness
  }

  /// An operation of a pair.
  struct Operation: Equatable, Sendable {
    let kind: Kind
    /// How often it is applied, 0 to 1.
    let probability: Double
    /// How strongly, 0 to 9; nothing for operations that know no strength.
    let magnitude: Int

    init(_ kind: Kind, _ probability: Double, _ magnitude: Int = 0) {
      (self.kind, self.probability, self.magnitude) = (kind, probability, magnitude)
    }

    /// Changes a picture; `isNegative` turns or shears the other way.
    func apply(to image: inout RGBImage, isNegative: Bool) {
      let strength = Double(magnitude) / 10
      let sign: Double = isNegative ? -1 : 1
      let factor = Float(0.1 + 1.8 * strength)
      switch kind {
      case .shearX: image.shearX(level: sign * 0.3 * strength)
      case .rotate: image.rotate(degrees: sign * 30 * strength)
      case .autoContrast: image.autoContrast()
      case .invert: image.invert()
      case .equalize: image.equalize()
      case .solarize: image.solarize(threshold: 256 * magnitude / 10)
      case .posterize: image.posterize(bits: 4 * magnitude / 10 + 4)
      case .contrast: image.enhanceContrast(factor: factor)
      case .color: image.enhanceColor(factor: factor)
      case .sharpness: image.enhanceSharpness(factor: factor)
      }
    }
  }

  /// The policy, as the paper's appendix lists it; some pairs stand there twice.
  static let policy: [[Operation]] = [
    [Operation(.posterize, 0.4, 8), Operation(.rotate, 0.6, 9)],
    [Operation(.solarize, 0.6, 5), Operation(.autoContrast, 0.6, 5)],
    [Operation(.equalize, 0.8), Operation(.equalize, 0.6)],
    [Operation(.posterize, 0.6, 7), Operation(.posterize, 0.6, 6)],
    [Operation(.equalize, 0.4), Operation(.solarize, 0.2, 4)],
    [Operation(.equalize, 0.4), Operation(.rotate, 0.8, 8)],
    [Operation(.solarize, 0.6, 3), Operation(.equalize, 0.6)],
    [Operation(.posterize, 0.8, 5), Operation(.equalize, 1)],
    [Operation(.rotate, 0.2, 3), Operation(.solarize, 0.6, 8)],
    [Operation(.equalize, 0.6), Operation(.posterize, 0.4, 6)],
    [Operation(.rotate, 0.8, 8), Operation(.color, 0.4, 0)],
    [Operation(.rotate, 0.4, 9), Operation(.equalize, 0.6)],
    [Operation(.equalize, 0), Operation(.equalize, 0.8)],
    [Operation(.invert, 0.6), Operation(.equalize, 1)],
    [Operation(.color, 0.6, 4), Operation(.contrast, 1, 8)],
    [Operation(.rotate, 0.8, 8), Operation(.color, 1, 2)],
    [Operation(.color, 0.8, 8), Operation(.solarize, 0.8, 7)],
    [Operation(.sharpness, 0.4, 7), Operation(.invert, 0.6)],
    [Operation(.shearX, 0.6, 5), Operation(.equalize, 1)],
    [Operation(.color, 0.4, 0), Operation(.equalize, 0.6)],
    [Operation(.equalize, 0.4), Operation(.solarize, 0.2, 4)],
    [Operation(.solarize, 0.6, 5), Operation(.autoContrast, 0.6, 5)],
    [Operation(.invert, 0.6), Operation(.equalize, 1)],
    [Operation(.color, 0.6, 4), Operation(.contrast, 1, 8)],
    [Operation(.equalize, 0.8), Operation(.equalize, 0.6)],
  ]

  /// Changes a picture by a pair of the policy that `random` chooses.
  public static func augment(_ image: inout RGBImage, random: inout RandomSequence) {
    let pair = policy[Int(random.next(upperBound: UInt64(policy.count)))]
    for operation in pair {
      let isApplied = Double(random.uniform()) < operation.probability
      let isNegative = random.uniform() < 0.5
      if isApplied { operation.apply(to: &image, isNegative: isNegative) }
    }
  }
}
