/// An object that the network found.
public struct Detection: Hashable, Sendable {
  /// Its box, in pixels of the original image.
  public var box: Box
  /// Its score, in (0, 1).
  public var score: Float
  /// Its class, 0..<K.
  public var classIndex: Int

  /// An object of a class with its box and score.
  public init(box: Box, score: Float, classIndex: Int) {
    (self.box, self.score, self.classIndex) = (box, score, classIndex)
  }
}
