import Tensors

/// Training samples of a detector: a data set, an order and an augmentation.
public struct SampleSource: SampleMaker {
  /// The pictures and their objects.
  public let dataset: DetectionDataset
  /// How a picture becomes input.
  public let transform: ImageTransform
  /// The order of the pictures.
  public let sampler: Sampler
  /// Whether a picture that is to be shrunk to a half or less is decoded with fewer pixels.
  public let usesScaledDecoding: Bool

  /// A source of the parts.
  public init(
    dataset: DetectionDataset, transform: ImageTransform, sampler: Sampler, usesScaledDecoding: Bool = false
  ) {
    require(
      sampler.imageCount == dataset.index.imageCount,
      "an order of \(sampler.imageCount) for \(dataset.index.imageCount) images")
    (self.dataset, self.transform, self.sampler) = (dataset, transform, sampler)
    self.usesScaledDecoding = usesScaledDecoding
  }

  /// The folder of the pictures.
  public var name: String { dataset.imageDirectory }

  /// Red, green and blue.
  public var channels: Int { 3 }

  /// The transform's canvas, which must be a fixed one.
  public var canvas: (height: Int, width: Int) {
    guard let canvas = transform.trainingCanvas else {
      fatalError("a batch needs one canvas for all pictures; set ImageTransform.fixedCanvas")
    }
    return canvas
  }

  /// A reader with no buffers yet.
  public func makeReader() -> ImageReader { ImageReader() }

  /// Writes a picture as planes (3, H, W) and returns it with its objects.
  ///
  /// Its random numbers are keyed by seed, epoch and picture. Throws exit code 65 when the picture cannot be read, 78 when
  /// it does not fit a fixed canvas.
  public func make(
    _ imageIndex: Int, epoch: Int, reader: ImageReader, into output: UnsafeMutableBufferPointer<Float>
  ) throws -> (sample: TrainingSample, faults: [DataFault]) {
    var random = sampler.random(.augmentation, epoch: epoch, imageIndex: imageIndex)
    let record = dataset.index.image(at: imageIndex)
    let placement = try transform.trainingPlacement(width: record.width, height: record.height, random: &random)
    try reader.read(dataset, at: imageIndex, reduction: usesScaledDecoding ? placement.reduction : .none)
    reader.render(transform, placement, into: output)
    let objects = dataset.objects(at: imageIndex)
    let placed = transform.placeObjects(boxes: objects.boxes, classes: objects.classes, placement)
    let sample = TrainingSample(
      imageIndex: imageIndex, imageID: record.id, placement: placement, boxes: placed.boxes, classes: placed.classes)
    return (sample, objects.faults)
  }
}
