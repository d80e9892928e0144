import Tensors

/// Training samples of a classifier: a data set, an order and an augmentation.
public struct ClassificationSource: SampleMaker {
  /// The pictures and their classes.
  public let dataset: ClassificationDataset
  /// How a picture becomes input.
  public let transform: ClassificationTransform
  /// The order of the pictures.
  public let sampler: Sampler
  /// Whether a picture that is to be shrunk to a half or less is decoded with fewer pixels.
  public let usesScaledDecoding: Bool

  /// A source of the parts.
  public init(
    dataset: ClassificationDataset, transform: ClassificationTransform, sampler: Sampler,
    usesScaledDecoding: Bool = false
  ) {
    require(sampler.imageCount == dataset.count, "an order of \(sampler.imageCount) for \(dataset.count) images")
    (self.dataset, self.transform, self.sampler) = (dataset, transform, sampler)
    self.usesScaledDecoding = usesScaledDecoding
  }

  /// The folder or the first file of the pictures.
  public var name: String { dataset.name }

  /// Planes of the pictures.
  public var channels: Int { dataset.channels }

  /// The size of the input.
  public var canvas: (height: Int, width: Int) { (transform.height, transform.width) }

  /// A reader with no buffers yet.
  public func makeReader() -> ClassificationReader { ClassificationReader() }

  /// Writes a picture as planes (C, H, W) and returns it with its class.
  ///
  /// Its random numbers are keyed by seed, epoch and picture. Throws exit code 65 when the picture cannot be read.
  public func make(
    _ imageIndex: Int, epoch: Int, reader: ClassificationReader, into output: UnsafeMutableBufferPointer<Float>
  ) throws -> (sample: ClassificationSample, faults: [DataFault]) {
    try reader.readForTraining(
      dataset, at: imageIndex, transform, sampler: sampler, epoch: epoch, usesScaledDecoding: usesScaledDecoding,
      into: output)
    return (ClassificationSample(imageIndex: imageIndex, label: dataset.label(at: imageIndex)), [])
  }
}
