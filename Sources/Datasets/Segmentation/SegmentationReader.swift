import Tensors

/// Reads pictures with their masks, one after the other; one reader serves one thread.
public final class SegmentationReader {
  let pictures = ImageReader()
  private var file: [UInt8] = []

  /// A reader with no buffers yet.
  public init() {}

  /// The picture that was read last.
  public var image: RGBImage { pictures.image }

  /// Takes a picture file into memory and returns its mask, whose size says whether the picture is turned.
  ///
  /// Throws exit code 65 for a picture that cannot be had, `MaskError` for a mask that cannot be used or has another size.
  func open(_ dataset: SegmentationDataset, at index: Int) throws -> ClassMask {
    let path = dataset.imagePath(at: index)
    let mask = try dataset.mask(at: index, file: &file)
    let size: (width: Int, height: Int)
    do {
      size = try pictures.open(FilePath(path), dataset.orientation, stated: (mask.width, mask.height))
    } catch let error as InputError where error.exitCode == .missingFile {
      throw InputError(.badData, "\(error); \(dataset.files.list) lists it")
    }
    if (mask.width, mask.height) != size {
      throw MaskError(
        "\(dataset.maskPath(at: index)): the mask is \(mask.width)x\(mask.height), its image \(path) is "
          + "\(size.width)x\(size.height); make both of one size, the mask by nearest neighbour")
    }
    return mask
  }

  /// Decodes a picture whole and returns its mask; throws as `open`.
  public func read(_ dataset: SegmentationDataset, at index: Int) throws -> ClassMask {
    let mask = try open(dataset, at: index)
    try pictures.decode()
    return mask
  }

  /// Decodes the picture that was opened last for a placement and writes it as planes; see `ImageTransform.render`.
  func render(
    _ transform: ImageTransform, _ placement: Placement, usesScaledDecoding: Bool,
    into output: UnsafeMutableBufferPointer<Float>
  ) throws {
    try pictures.decode(reduction: usesScaledDecoding ? placement.reduction : .none)
    pictures.render(transform, placement, into: output)
  }
}

/// One picture of a segmentation's batch.
public struct SegmentationSample: LoadedSample, Equatable {
  /// The picture's index in the data set.
  public var imageIndex: Int
  /// How the stored picture became the input.
  public var placement: Placement
  /// The class of every pixel of the logits, row by row; see `Placement.labels`.
  public var labels: [UInt8]

  /// The index, which is all that identifies a picture.
  public var imageID: Int { imageIndex }
}

/// Training samples of a segmentation: a data set, an order and an augmentation.
public struct SegmentationSource: SampleMaker {
  /// Pixels of the input from one of the logits' to the next, along either axis.
  public static let labelStride = 8
  /// What the canvas is labelled with where there is no picture: background, as in the official code.
  private static let paddingLabel: UInt8 = 0

  /// The pictures and their masks.
  public let dataset: SegmentationDataset
  /// How a picture becomes input, in the paper's form.
  public let transform: ImageTransform
  /// The order of the pictures.
  public let sampler: Sampler
  /// Whether a picture that is to be shrunk to a half or less is decoded with fewer pixels.
  public let usesScaledDecoding: Bool

  /// A source of the parts.
  public init(
    dataset: SegmentationDataset, transform: ImageTransform, sampler: Sampler, usesScaledDecoding: Bool = false
  ) {
    require(sampler.imageCount == dataset.count, "an order of \(sampler.imageCount) for \(dataset.count) images")
    (self.dataset, self.transform, self.sampler) = (dataset, transform, sampler)
    self.usesScaledDecoding = usesScaledDecoding
  }

  /// The list of the pictures.
  public var name: String { dataset.name }

  /// Red, green and blue.
  public var channels: Int { 3 }

  /// The transform's canvas.
  public var canvas: (height: Int, width: Int) {
    guard let canvas = transform.trainingCanvas else { fatalError("a segmentation's batch has one canvas") }
    return canvas
  }

  /// A reader with no buffers yet.
  public func makeReader() -> SegmentationReader { SegmentationReader() }

  /// Writes a picture as planes (3, H, W) and returns it with the labels of the logits' pixels.
  ///
  /// Scaled, flipped, cropped or padded as a detector's pictures, with the same random numbers. Throws exit code 65 when the
  /// picture cannot be read, `MaskError` when its mask cannot be used.
  public func make(
    _ imageIndex: Int, epoch: Int, reader: SegmentationReader, into output: UnsafeMutableBufferPointer<Float>
  ) throws -> (sample: SegmentationSample, faults: [DataFault]) {
    var random = sampler.random(.augmentation, epoch: epoch, imageIndex: imageIndex)
    let mask = try reader.open(dataset, at: imageIndex)
    let placement = try transform.trainingPlacement(width: mask.width, height: mask.height, random: &random)
    try reader.render(transform, placement, usesScaledDecoding: usesScaledDecoding, into: output)
    let labels = placement.labels(of: mask, every: Self.labelStride, padding: Self.paddingLabel)
    return (SegmentationSample(imageIndex: imageIndex, placement: placement, labels: labels), [])
  }
}
