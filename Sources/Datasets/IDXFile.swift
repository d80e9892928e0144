import Tensors

/// MNIST's IDX files of unsigned bytes, plain or compressed with gzip or xz.
///
/// The layout is that of the data set's page (LeCun, Cortes, Burges): two zero bytes, the type (8: unsigned byte), the
/// number of dimensions, each dimension as a big-endian 32-bit number, then the bytes, the last dimension fastest.
public struct IDXFile {
  /// The largest content that is read, in bytes: far above any split.
  private static let byteLimit = 1 << 31

  /// The extents, slowest first.
  private let shape: [Int]
  /// Their product: the bytes behind the header.
  private let byteCount: Int
  private let file: CompressedFile

  /// Reads pictures (N, 1, H, W) and their classes below `classCount`.
  ///
  /// Throws exit code 66 when a file is missing; 65, naming the file and what was expected, for another format, a wrong
  /// length, different numbers of pictures and classes, or a class out of range.
  public static func read(images: String, labels: String, classCount: Int) throws -> LabeledImages {
    // Both headers are checked before more is inflated than they take.
    let pictures = try IDXFile(images, dimensions: 3, content: "pictures")
    let labels = try IDXFile(labels, dimensions: 1, content: "classes")
    guard labels.shape[0] == pictures.shape[0] else {
      throw InputError(
        .badData,
        "\(labels.file.path): number of classes: expected \(pictures.shape[0]), one for each picture of \(images), got "
          + "\(labels.shape[0]); give files of the same images")
    }
    let classes = try labels.content()
    if let index = classes.firstIndex(where: { $0 >= classCount }) {
      throw InputError(
        .badData,
        "\(labels.file.path): class of picture \(index): expected 0 to \(classCount - 1), got \(classes[index]); fetch "
          + "the file again")
    }
    return LabeledImages(
      channels: 1, height: pictures.shape[1], width: pictures.shape[2], pixels: try pictures.content(), labels: classes)
  }

  /// Opens a file and reads its header.
  private init(_ path: String, dimensions: Int, content: String) throws {
    file = try CompressedFile(path)
    let headerBytes = 4 + 4 * dimensions
    let header = try file.read(headerBytes)
    let magic: [UInt8] = [0, 0, 8, UInt8(dimensions)]
    guard header.count == headerBytes, header.starts(with: magic) else {
      let length = header.count < headerBytes ? " in \(header.count) bytes" : ""
      throw InputError(
        .badData,
        "\(path): first bytes: expected \(Self.text(magic)), an IDX file of \(content) as unsigned bytes, got "
          + "\(Self.text(Array(header.prefix(4))))\(length); is it the right file?")
    }
    shape = (0..<dimensions).map { dimension in
      header[4 + 4 * dimension..<8 + 4 * dimension].reduce(0) { $0 << 8 | Int($1) }
    }
    // Three 32-bit numbers may have a product beyond 64 bits.
    byteCount = shape.reduce(1) { product, extent in
      let (next, overflows) = product.multipliedReportingOverflow(by: extent)
      return overflows ? .max : next
    }
    let stored = file.storedByteCount
    if file.isPlain && (byteCount == 0 || stored - headerBytes != byteCount) {
      throw wrongLength("got \(stored - headerBytes)")
    }
    if byteCount == 0 { throw wrongLength("which is nothing") }
    if byteCount > file.greatestByteCount { throw wrongLength("which \(stored) bytes of gzip cannot hold") }
    if byteCount > Self.byteLimit {
      throw wrongLength("of which at most \(Self.byteLimit) are read", remedy: "give fewer images")
    }
  }

  /// Everything behind the header, which must be as much as it says.
  private func content() throws -> [UInt8] {
    let bytes = try file.read(byteCount + 1)
    if bytes.count > byteCount { throw wrongLength("got more") }
    if bytes.count < byteCount { throw wrongLength("got \(bytes.count)") }
    return bytes
  }

  private func wrongLength(_ found: String, remedy: String = "fetch the file again") -> InputError {
    InputError(
      .badData,
      "\(file.path): length: its header says \(shape.map(String.init).joined(separator: " x ")), so expected \(byteCount) "
        + "bytes behind it, \(found); \(remedy)")
  }

  private static func text(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}
