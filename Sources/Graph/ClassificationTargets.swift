/// What the classification loss of one batch compares with, and its results.
public final class ClassificationTargets: BatchTargets {
  /// The class of each image, 0..<K.
  public let classes: [Int]
  /// The cross-entropy, mean over the images of the last forward run, with those of auxiliary heads in their weights.
  public internal(set) var loss = 0.0
  /// Images of the last forward run whose own class has the largest logit, the first of equals.
  public internal(set) var correctCount = 0
  /// The cross-entropy of an auxiliary head without its weight; nil where there is none.
  public internal(set) var auxiliaryLoss: Double?

  /// Targets of images with these classes.
  public init(classes: [Int]) { self.classes = classes }

  /// The loss, the share of images whose own class has the largest logit, and that of the auxiliary head if there is one.
  public var results: [Double] {
    [loss, Double(correctCount) / Double(classes.count)] + (auxiliaryLoss.map { [$0] } ?? [])
  }

  /// Forgets them.
  public func forgetResults() { (loss, correctCount, auxiliaryLoss) = (0, 0, nil) }
}
