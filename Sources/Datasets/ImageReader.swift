import Tensors

/// Reads and renders pictures, one after the other; one reader serves one thread.
///
/// The content says whether a file is PNG or JPEG, not its name.
public final class ImageReader {
  /// The picture that was read last, as `reduction` made it of the stored one.
  public private(set) var image = RGBImage()
  /// How many stored pixels became one in the picture that was read last.
  public private(set) var reduction = JPEGReduction.none
  private var path = ""
  private var file: [UInt8] = []
  private var isPNG = false
  private var decoder = JPEGDecoder()
  private var scratch = RenderScratch()

  /// A reader with no buffers yet.
  public init() {}

  /// Takes a picture file into memory and returns the size of the stored picture; throws exit codes 65 and 66.
  public func open(_ path: FilePath) throws -> (width: Int, height: Int) {
    try load(path)
    return try isPNG ? PNGDecoder.size(of: file, name: self.path) : decoder.size(of: file, name: self.path)
  }

  /// Decodes the file that was opened last, a PNG file always whole; throws exit code 65.
  public func decode(reduction: JPEGReduction = .none) throws { _ = try decodeFile(reduction) }

  /// Decodes a picture file and returns the size of the stored picture; throws exit codes 65 and 66.
  @discardableResult
  public func read(_ path: FilePath, reduction: JPEGReduction = .none) throws -> (width: Int, height: Int) {
    try load(path)
    return try decodeFile(reduction)
  }

  /// Decodes the picture file at the path that a string spells; see `read(_:reduction:)` above.
  @discardableResult
  public func read(_ path: String, reduction: JPEGReduction = .none) throws -> (width: Int, height: Int) {
    try read(FilePath(path), reduction: reduction)
  }

  /// Decodes a picture of a data set, which must be stored in the size that the annotations say.
  ///
  /// Throws exit code 65, for a missing file too: the annotations promise it.
  public func read(_ dataset: DetectionDataset, at position: Int, reduction: JPEGReduction = .none) throws {
    let record = dataset.index.image(at: position)
    let path = "\(dataset.imageDirectory)/\(record.fileName)"
    let stored: (width: Int, height: Int)
    do {
      stored = try read(path, reduction: reduction)
    } catch let error as InputError where error.exitCode == .missingFile {
      throw InputError(.badData, "\(error); \(dataset.index.path) lists it as image \(record.id)")
    }
    if stored != (record.width, record.height) {
      throw InputError(
        .badData,
        "\(path): is \(stored.width)x\(stored.height), image \(record.id) of \(dataset.index.path) says "
          + "\(record.width)x\(record.height)")
    }
  }

  /// Writes the picture as planes; see `ImageTransform.render`.
  public func render(
    _ transform: ImageTransform, _ placement: Placement, into output: UnsafeMutableBufferPointer<Float>
  ) {
    transform.render(image, placement, reduction: reduction, into: output, scratch: &scratch)
  }

  private func load(_ path: FilePath) throws {
    self.path = "\(path)"
    try readFile(path, into: &file)
    isPNG = PNGDecoder.isPNG(file)
  }

  private func decodeFile(_ wanted: JPEGReduction) throws -> (width: Int, height: Int) {
    if !isPNG {
      reduction = wanted
      return try decoder.decode(file, name: path, reduction: wanted, into: &image)
    }
    reduction = .none
    try PNGDecoder.decode(file, name: path, into: &image)
    return (image.width, image.height)
  }
}
