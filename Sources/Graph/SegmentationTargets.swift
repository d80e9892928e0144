/// What the segmentation loss of one batch compares with, and its results.
public final class SegmentationTargets: BatchTargets {
  /// The label of pixels that do not count, as in PASCAL VOC.
  public static let void: UInt8 = 255

  /// The class of each pixel of the logits' maps, image by image and row by row: 0..<K, or `void`.
  public let classes: [UInt8]
  /// The factor of every pixel's loss: one over the pixels that count.
  public let weight: Float
  /// Pixels of this batch that count.
  public let count: Int
  /// The weighted cross-entropy of the last forward run.
  public internal(set) var loss = 0.0
  /// Pixels of the last forward run whose own class has the largest logit, the first of equals.
  public internal(set) var correctCount = 0

  /// Targets of pixels; `weight` is given where other ranks' pixels count too.
  public init(classes: [UInt8], weight: Float? = nil) {
    self.classes = classes
    count = classes.reduce(0) { $0 + ($1 == Self.void ? 0 : 1) }
    self.weight = weight ?? (count > 0 ? 1 / Float(count) : 0)
  }

  /// The weighted cross-entropy, and the share of this batch's pixels that are right.
  public var results: [Double] { [loss, count > 0 ? Double(correctCount) / Double(count) : 0] }

  /// Forgets both.
  public func forgetResults() { (loss, correctCount) = (0, 0) }
}
