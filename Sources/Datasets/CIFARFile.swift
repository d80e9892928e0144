import Tensors

/// CIFAR-10's binary files: records of a class and a picture of 32 x 32 in three planes.
///
/// The layout is that of the data set's page (Krizhevsky, 2009): one byte of class, then 1,024 bytes each of red, green and
/// blue, row by row, without a header.
public enum CIFARFile {
  /// The names of the classes, in the order of their numbers.
  public static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  private static let side = 32
  private static let recordBytes = 1 + 3 * side * side
  /// The largest file that is read, in bytes: far above any split, so that a wrong path does not fill the memory.
  private static let byteLimit = 1 << 31

  /// Reads files one after the other.
  ///
  /// Throws exit code 66 when one is missing, 65 when one is no whole number of records or a class is above 9.
  public static func read(_ paths: [String]) throws -> LabeledImages {
    var images = LabeledImages(channels: 3, height: side, width: side, pixels: [], labels: [])
    for path in paths { try append(path, to: &images) }
    return images
  }

  private static func append(_ path: String, to images: inout LabeledImages) throws {
    let bytes = try readMaybeCompressed(path, limit: byteLimit)
    guard !bytes.isEmpty, bytes.count % recordBytes == 0 else {
      throw InputError(
        .badData,
        "\(path): length: expected a whole number of CIFAR-10 records of \(recordBytes) bytes, got \(bytes.count) bytes; "
          + "fetch the binary version of the data set again")
    }
    let count = bytes.count / recordBytes
    images.pixels.reserveCapacity(images.pixels.count + count * (recordBytes - 1))
    for record in 0..<count {
      let start = record * recordBytes
      let label = bytes[start]
      guard label < classNames.count else {
        throw InputError(
          .badData, "\(path): class of record \(record): expected 0 to \(classNames.count - 1), got \(label)")
      }
      images.labels.append(label)
      images.pixels += bytes[start + 1..<start + recordBytes]
    }
  }
}
