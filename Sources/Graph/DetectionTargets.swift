import Tensors

/// An anchor that stands for an object: where its predictions lie and what they should be.
public struct PositiveAnchor: Sendable {
  /// The image of the batch.
  public var image: Int
  /// Row times columns plus column.
  public var pixel: Int
  /// The anchor's number at the pixel.
  public var anchor: Int
  /// The class, 0..<K.
  public var classIndex: Int
  /// The encoded box, in the order of the four regression channels.
  public var code: SIMD4<Float>

  /// An anchor of its parts.
  public init(image: Int, pixel: Int, anchor: Int, classIndex: Int, code: SIMD4<Float>) {
    (self.image, self.pixel, self.anchor, self.classIndex, self.code) = (image, pixel, anchor, classIndex, code)
  }
}

/// An anchor that counts neither as an object nor as background.
public struct IgnoredAnchor: Sendable {
  /// The image of the batch.
  public var image: Int
  /// Row times columns plus column.
  public var pixel: Int
  /// The anchor's number at the pixel.
  public var anchor: Int

  /// An anchor of its parts.
  public init(image: Int, pixel: Int, anchor: Int) {
    (self.image, self.pixel, self.anchor) = (image, pixel, anchor)
  }
}

/// How far a predicted box code is from its target, summed over the four coordinates.
public enum BoxDistance: Hashable, Sendable {
  /// |d|: torchvision's L1.
  case absolute
  /// Huber's: d^2 / 2 up to delta, delta (|d| - delta / 2) beyond; coordinates whose target is exactly 0 do not count,
  /// as in the official code.
  case huber(delta: Float)
}

/// What the detection losses of one batch compare with, and their results.
///
/// Anchors are named by pyramid level, image, pixel (row times columns plus column) and the anchor's number at the
/// pixel. An anchor that is neither positive nor ignored is background.
public final class DetectionTargets: BatchTargets {
  /// The targets of one pyramid level.
  public struct Level {
    /// Anchors that stand for an object.
    public var positives: [PositiveAnchor] = []
    /// Anchors that count for neither side.
    public var ignored: [IgnoredAnchor] = []

    /// A level where everything is background.
    public init() {}
  }

  /// Finest level first.
  public var levels: [Level]
  /// The factor of each image's class loss, normaliser included.
  public var classWeights: [Float]
  /// The factor of each image's box loss, normaliser included.
  public var boxWeights: [Float]
  /// The weighted class loss of the batch, summed over levels and images by the last forward run.
  public internal(set) var classLoss = 0.0
  /// The weighted box loss of the batch, summed over levels and images by the last forward run.
  public internal(set) var boxLoss = 0.0

  /// Targets of `levelCount` levels for images with the given weights.
  public init(levelCount: Int, classWeights: [Float], boxWeights: [Float]) {
    levels = Array(repeating: Level(), count: levelCount)
    (self.classWeights, self.boxWeights) = (classWeights, boxWeights)
  }

  /// The weighted class loss and the weighted box loss.
  public var results: [Double] { [classLoss, boxLoss] }

  /// Forgets both losses.
  public func forgetResults() { (classLoss, boxLoss) = (0, 0) }
}
