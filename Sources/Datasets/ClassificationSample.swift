/// One picture of a classifier's batch.
public struct ClassificationSample: LoadedSample, Equatable {
  /// The picture's index in the data set.
  public var imageIndex: Int
  /// The picture's class.
  public var label: Int

  /// A picture with its class.
  public init(imageIndex: Int, label: Int) { (self.imageIndex, self.label) = (imageIndex, label) }

  /// The index, which is all that identifies a picture of any classification data set.
  public var imageID: Int { imageIndex }
}
