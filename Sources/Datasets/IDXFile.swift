import Tensors

/// MNIST's IDX files of unsigned bytes, plain or compressed with gzip.
///
/// The layout is that of the data set's page (LeCun, Cortes, Burges): two zero bytes, the type (8: unsigned byte), the
/// number of dimensions, each dimension as a big-endian 32-bit number, then the bytes, the last dimension fastest.
public enum IDXFile {
  /// The largest content that is read, in bytes: far above any split.
  private static let byteLimit = 1 << 31

  /// Reads pictures (N, 1, H, W) and their classes below `classCount`.
  ///
  /// Throws exit code 66 when a file is missing; 65, naming the file and what was expected, for another format, a wrong
  /// length, different numbers of pictures and classes, or a class out of range.
  public static func read(images: String, labels: String, classCount: Int) throws -> LabeledImages {
    let (shape, pixels) = try read(images, dimensions: 3, content: "pictures")
    let (counts, classes) = try read(labels, dimensions: 1, content: "classes")
    guard counts[0] == shape[0] else {
      throw InputError(
        .badData,
        "\(labels): number of classes: expected \(shape[0]), one for each picture of \(images), got \(counts[0])")
    }
    if let index = classes.firstIndex(where: { $0 >= classCount }) {
      throw InputError(
        .badData, "\(labels): class of picture \(index): expected 0 to \(classCount - 1), got \(classes[index])")
    }
    return LabeledImages(channels: 1, height: shape[1], width: shape[2], pixels: pixels, labels: classes)
  }

  private static func read(
    _ path: String, dimensions: Int, content: String
  ) throws -> (shape: [Int], bytes: [UInt8]) {
    var bytes = try readMaybeCompressed(path, limit: byteLimit)
    let headerBytes = 4 + 4 * dimensions
    let magic: [UInt8] = [0, 0, 8, UInt8(dimensions)]
    guard bytes.count >= headerBytes, Array(bytes[..<4]) == magic else {
      throw InputError(
        .badData,
        "\(path): first bytes: expected \(text(magic)), an IDX file of \(content) as unsigned bytes, got "
          + "\(text(Array(bytes.prefix(4)))) in \(bytes.count) bytes")
    }
    let shape = (0..<dimensions).map { dimension in
      bytes[4 + 4 * dimension..<8 + 4 * dimension].reduce(0) { $0 << 8 | Int($1) }
    }
    // Three 32-bit numbers may have a product beyond 64 bits.
    var expected = 1
    for extent in shape {
      let (product, overflows) = expected.multipliedReportingOverflow(by: extent)
      expected = overflows ? .max : product
    }
    guard expected > 0, bytes.count - headerBytes == expected else {
      throw InputError(
        .badData,
        "\(path): length: its header says \(shape.map(String.init).joined(separator: " x ")), so expected \(expected) bytes "
          + "behind it, got \(bytes.count - headerBytes)")
    }
    bytes.removeFirst(headerBytes)
    return (shape, bytes)
  }

  private static func text(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}
