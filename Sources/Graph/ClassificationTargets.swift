/// What the classification loss of one batch compares with, and its results.
public final class ClassificationTargets: BatchTargets {
  /// The class of each image, 0..<K.
  public let classes: [Int]
  /// The cross-entropy, mean over the images of the last forward run.
  public internal(set) var loss = 0.0
  /// Images of the last forward run whose own class has the largest logit, the first of equals.
  public internal(set) var correctCount = 0

  /// Targets of images with these classes.
  public init(classes: [Int]) { self.classes = classes }

  /// The cross-entropy, and the share of images whose own class has the largest logit.
  public var results: [Double] { [loss, Double(correctCount) / Double(classes.count)] }

  /// Forgets both.
  public func forgetResults() { (loss, correctCount) = (0, 0) }
}
