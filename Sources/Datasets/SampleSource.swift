import Tensors

/// Training samples by epoch and position: a data set, an order and an augmentation.
public struct SampleSource: Sendable {
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

  /// Writes the sample at a position of an epoch as planes (3, H, W) and returns its objects and the faults on the way.
  ///
  /// Its random numbers are keyed by seed, epoch and picture. An unreadable picture is a fault, and the next position's
  /// takes its place. Throws exit code 65 when no picture can be read, 78 when one does not fit a fixed canvas.
  public func load(
    epoch: Int, position: Int, reader: ImageReader, into output: UnsafeMutableBufferPointer<Float>
  ) throws -> (sample: TrainingSample, faults: [DataFault]) {
    var faults: [DataFault] = []
    for shift in 0..<sampler.imageCount {
      let number = sampler.imageIndex(epoch: epoch, position: (position + shift) % sampler.imageCount)
      var random = RandomSequence(
        Philox(seed: sampler.seed, stream: RandomPurpose.stream), UInt32(truncatingIfNeeded: epoch), UInt32(number),
        RandomPurpose.augmentation.rawValue)
      let record = dataset.index.image(at: number)
      let placement = try transform.trainingPlacement(width: record.width, height: record.height, random: &random)
      do {
        try reader.read(dataset, at: number, reduction: usesScaledDecoding ? placement.reduction : .none)
      } catch let error as InputError {
        faults.append(DataFault(kind: .unreadableImage, cause: "\(error)"))
        continue
      }
      reader.render(transform, placement, into: output)
      let objects = dataset.objects(at: number)
      let placed = transform.placeObjects(boxes: objects.boxes, classes: objects.classes, placement)
      let sample = TrainingSample(
        imageIndex: number, imageID: record.id, placement: placement, boxes: placed.boxes, classes: placed.classes)
      return (sample, faults + objects.faults)
    }
    throw InputError(
      .badData,
      "\(dataset.imageDirectory): none of the \(sampler.imageCount) images can be read; the first failure: "
        + "\(faults.first?.cause ?? "")")
  }
}
