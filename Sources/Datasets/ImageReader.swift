import Tensors

/// Reads and renders pictures, one after the other; one reader serves one thread.
///
/// The content says whether a file is PNG or JPEG, not its name.
public final class ImageReader {
  /// The picture that was read last, as `reduction` and the file's orientation made it of the stored one.
  public private(set) var image = RGBImage()
  /// How many stored pixels became one in the picture that was read last.
  public private(set) var reduction = JPEGReduction.none
  /// What the file that was opened last says about its orientation.
  public private(set) var orientation = ImageOrientation.upright
  /// Whether the picture is turned as its file says.
  public private(set) var isTurned = false
  private var path = ""
  private var file: [UInt8] = []
  private var isPNG = false
  private var stored = (width: 0, height: 0)
  private var decoder = JPEGDecoder()
  private var beforeTurn = RGBImage()
  private var scratch = RenderScratch()

  /// A reader with no buffers yet.
  public init() {}

  /// Takes a picture file into memory and returns the size of the whole picture, turned as `rule` says.
  ///
  /// `stated` is the size in the picture's annotations, where there are any. Throws exit codes 65 and 66.
  public func open(
    _ path: FilePath, _ rule: OrientationRule = .ignore, stated: (width: Int, height: Int)? = nil
  ) throws -> (width: Int, height: Int) {
    self.path = "\(path)"
    try readFile(path, into: &file)
    isPNG = PNGDecoder.isPNG(file)
    stored = try isPNG ? PNGDecoder.size(of: file, name: self.path) : decoder.size(of: file, name: self.path)
    orientation = ImageOrientation(ofFile: file)
    isTurned = rule.turns(orientation, stored: stored, stated: stated)
    return isTurned ? orientation.turned(stored) : stored
  }

  /// Opens a picture of a data set, which must have the size that the annotations say.
  ///
  /// Throws exit code 65, for a missing file too: the annotations promise it.
  public func open(_ dataset: DetectionDataset, at position: Int) throws {
    let record = dataset.index.image(at: position)
    let (path, stated) = (dataset.imagePath(at: position), (width: record.width, height: record.height))
    let size: (width: Int, height: Int)
    do {
      size = try open(FilePath(path), dataset.orientation, stated: stated)
    } catch let error as InputError where error.exitCode == .missingFile {
      throw InputError(
        .badData,
        "\(error); \(dataset.index.path) lists it as image \(record.id): supply the file, or remove the image there")
    }
    if size == stated { return }
    throw InputError(
      .badData,
      "\(path): is \(size.width)x\(size.height), image \(record.id) of \(dataset.index.path) says "
        + "\(stated.width)x\(stated.height)\(likelyCause(size, stated))")
  }

  /// Why a picture may have another size than stated, and what to do.
  private func likelyCause(_ size: (width: Int, height: Int), _ stated: (width: Int, height: Int)) -> String {
    if size != (stated.height, stated.width) { return "; replace the file, or mend the annotations" }
    if !orientation.exchangesAxes {
      return "; the sides are exchanged, as where a tool has turned the image and removed its EXIF orientation, or the "
        + "reverse"
    }
    let tag = "the likely cause is the file's EXIF orientation \(orientation.rawValue)"
    return isTurned
      ? "; \(tag), and the annotations are of the stored pixels: data.orientation=ignore"
      : "; \(tag), and the annotations are of the image as displayed: data.orientation=apply"
  }

  /// Decodes the file that was opened last, a PNG file always whole; throws exit code 65.
  ///
  /// A picture that is turned may be decoded with a weaker reduction, see `reduction`.
  public func decode(reduction wanted: JPEGReduction = .none) throws {
    reduction = isPNG ? .none : isTurned ? orientation.reduction(upTo: wanted, of: stored) : wanted
    if isPNG {
      try PNGDecoder.decode(file, name: path, into: &image)
    } else {
      try decoder.decode(file, name: path, reduction: reduction, into: &image)
    }
    if isTurned {
      swap(&image, &beforeTurn)
      image.turn(beforeTurn, orientation)
    }
  }

  /// Decodes a picture file and returns the size of the whole picture; throws exit codes 65 and 66.
  @discardableResult
  public func read(
    _ path: FilePath, _ rule: OrientationRule = .ignore, reduction: JPEGReduction = .none
  ) throws -> (width: Int, height: Int) {
    let size = try open(path, rule)
    try decode(reduction: reduction)
    return size
  }

  /// Decodes the picture file at the path that a string spells; see the other form.
  @discardableResult
  public func read(
    _ path: String, _ rule: OrientationRule = .ignore, reduction: JPEGReduction = .none
  ) throws -> (width: Int, height: Int) {
    try read(FilePath(path), rule, reduction: reduction)
  }

  /// Decodes a picture of a data set; throws as `open`.
  public func read(_ dataset: DetectionDataset, at position: Int, reduction: JPEGReduction = .none) throws {
    try open(dataset, at: position)
    try decode(reduction: reduction)
  }

  /// Writes the picture as planes; see `ImageTransform.render`.
  public func render(
    _ transform: ImageTransform, _ placement: Placement, into output: UnsafeMutableBufferPointer<Float>
  ) {
    transform.render(image, placement, reduction: reduction, into: output, scratch: &scratch)
  }
}
