import Tensors

/// CIFAR-10's binary files: records of a class and a picture of 32 x 32 in three planes.
///
/// The layout is that of the data set's page (Krizhevsky, 2009): one byte of class, then 1,024 bytes each of red, green and
/// blue, row by row, without a header. They may be compressed with gzip or xz.
public enum CIFARFile {
  /// The names of the classes, in the order of their numbers.
  public static let classNames = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
  ]

  private static let side = 32
  private static let recordBytes = 1 + 3 * side * side
  /// The largest plain file that is read, in bytes: far above any split, so that a wrong path does not fill the memory.
  private static let byteLimit = 1 << 31
  /// The most records of a compressed file: above the 60,000 of the whole set, since nothing else says where it ends.
  static let compressedRecordLimit = 1 << 16
  /// Records that are read at once.
  private static let recordsAtOnce = 256

  /// Reads files one after the other.
  ///
  /// Throws exit code 66 when one is missing; 65 when one is no whole number of records, a class is above 9, or a
  /// compressed file holds more than 65,536 records.
  public static func read(_ paths: [String]) throws -> LabeledImages {
    var images = LabeledImages(channels: 3, height: side, width: side, pixels: [], labels: [])
    for path in paths { try append(path, to: &images) }
    return images
  }

  private static func append(_ path: String, to images: inout LabeledImages) throws {
    let file = try CompressedFile(path)
    if file.isPlain { try check(length: file.storedByteCount, of: path) }
    let limit = file.isPlain ? byteLimit / recordBytes : compressedRecordLimit
    var count = 0
    while true {
      let bytes = try file.read(recordsAtOnce * recordBytes)
      let records = bytes.count / recordBytes
      for record in 0..<records {
        let start = record * recordBytes
        let label = bytes[start]
        guard label < classNames.count else {
          throw InputError(
            .badData,
            "\(path): class of record \(count + record): expected 0 to \(classNames.count - 1), got \(label); "
              + "fetch the binary version of the data set again")
        }
        images.labels.append(label)
        images.pixels += bytes[start + 1..<start + recordBytes]
      }
      count += records
      if count > limit {
        throw InputError(
          .badData,
          "\(path): length: expected at most \(limit) records of \(recordBytes) bytes, got more; "
            + (file.isPlain ? "split the file" : "unpack the file, or split it"))
      }
      if records < recordsAtOnce { return try check(length: count * recordBytes + bytes.count % recordBytes, of: path) }
    }
  }

  private static func check(length: Int, of path: String) throws {
    guard length > 0, length % recordBytes == 0 else {
      throw InputError(
        .badData,
        "\(path): length: expected a whole number of CIFAR-10 records of \(recordBytes) bytes, got \(length) bytes; "
          + "fetch the binary version of the data set again")
    }
  }
}
