import CSimdJSON
import Glibc
import Tensors

/// A picture of an annotation file.
public struct COCOImage: Equatable, Sendable {
  /// The identifier in the file.
  public var id: Int
  /// The name of the picture, relative to the picture folder; empty where the file has none.
  public var fileName: String
  /// Columns, as the file states; 0 where it states none that a picture can have.
  public var width: Int
  /// Rows, as the file states; 0 where it states none that a picture can have.
  public var height: Int
}

/// One object of a picture.
public struct COCOAnnotation: Equatable, Sendable {
  /// The identifier in the file.
  public var id: Int
  /// The identifier of the object's category.
  public var categoryID: Int
  /// The left edge in pixels.
  public var x: Double
  /// The upper edge in pixels.
  public var y: Double
  /// The width in pixels.
  public var width: Double
  /// The height in pixels.
  public var height: Double
  /// The area in square pixels, of the mask where the file has one.
  public var area: Double
  /// Whether the box stands for a crowd.
  public var isCrowd: Bool

  /// The corners (x1, y1, x2, y2).
  public var corners: SIMD4<Float> {
    SIMD4(Float(x), Float(y), Float(x + width), Float(y + height))
  }
}

/// A class of objects.
public struct COCOCategory: Equatable, Sendable {
  /// The identifier in the file.
  public var id: Int
  /// The name, empty where the file has none.
  public var name: String
  /// The name to show: `category 7` where the file has none.
  public var shownName: String { name.isEmpty ? "category \(id)" : name }
}

/// An annotation file in COCO's format, read through a memory-mapped index.
///
/// The first opening parses the JSON and writes the index to the cache under a name made of the content's fingerprint
/// and size; later ones map it. Pages of the index are the kernel's and shared by all processes. Pictures and categories
/// are in the order of their identifiers, as in pycocotools; the annotations of a picture in the order of the file.
public final class COCOIndex: Sendable {
  /// The annotation file.
  public let path: String
  /// All categories by ascending identifier.
  public let categories: [COCOCategory]
  /// The number of pictures.
  public let imageCount: Int
  /// The number of annotations of all pictures.
  public let annotationCount: Int

  /// The hash of the annotation file.
  public let contentHash: UInt64

  private let file: MappedFile
  nonisolated(unsafe) private let images: UnsafeBufferPointer<CSJImage>
  nonisolated(unsafe) private let records: UnsafeBufferPointer<CSJAnnotation>
  nonisolated(unsafe) private let text: UnsafeRawBufferPointer

  /// Opens the index of an annotation file, building it in `cache` when it is not there or damaged.
  ///
  /// Several processes may build at once; the result is the same and appears by renaming. Throws exit code 66 for a
  /// missing file, 65 with the place for a file that is not a whole and consistent COCO file, 73 when the cache cannot
  /// be written.
  public static func open(annotations path: String, cache: String = CacheDirectory.path()) throws -> COCOIndex {
    // A missing annotation file is the better message when the cache cannot be written either.
    close(try openForReading(path))
    try CacheDirectory.create(cache)
    let (hash, size) = try HashMemory.contentHash(of: path, cache: cache)
    let name = "\(cache)/coco-\(String(hash, radix: 16))-\(size)-v\(CSJIndexVersion).index"
    if let index = try? COCOIndex(path: path, index: name, hash: hash, size: size) { return index }
    try build(path, to: name, hash: hash, size: size)
    return try COCOIndex(path: path, index: name, hash: hash, size: size)
  }

  /// The record of the picture at a position below `imageCount`.
  public func image(at index: Int) -> COCOImage {
    let record = images[index]
    return COCOImage(
      id: Int(record.id), fileName: string(record.name_offset, UInt64(record.name_length)), width: Int(record.width),
      height: Int(record.height))
  }

  /// The identifier of the picture at a position below `imageCount`.
  public func imageID(at index: Int) -> Int { Int(images[index].id) }

  /// The position of the picture with this identifier, nil when there is none; by bisection.
  public func imageIndex(withID id: Int) -> Int? {
    var (low, high) = (0, images.count)
    while low < high {
      let middle = (low + high) / 2
      if images[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < images.count && images[low].id == id ? low : nil
  }

  /// The objects of the picture at a position below `imageCount`, crowds among them.
  public func annotations(at index: Int) -> [COCOAnnotation] {
    let image = images[index]
    let first = Int(image.first_annotation)
    return records[first..<first + Int(image.annotation_count)].map { record in
      COCOAnnotation(
        id: Int(record.id), categoryID: Int(record.category_id), x: record.x, y: record.y, width: record.width,
        height: record.height, area: record.area, isCrowd: record.is_crowd != 0)
    }
  }

  /// Maps an index file; throws when it is not as it was written.
  private init(path: String, index: String, hash: UInt64, size: Int) throws {
    (self.path, contentHash) = (path, hash)
    file = try MappedFile(path: index)
    guard let sections = COCOIndexSections(file.bytes, contentHash: hash, contentSize: size) else {
      throw InputError(.badData, "\(index): the index is damaged; remove the file")
    }
    (images, records, text) = (sections.images, sections.annotations, sections.text)
    imageCount = images.count
    annotationCount = records.count
    categories = sections.categories.map { record in
      let name = sections.text[Int(record.name_offset)..<Int(record.name_offset + record.name_length)]
      return COCOCategory(id: Int(record.id), name: String(decoding: name, as: UTF8.self))
    }
  }

  private func string(_ offset: UInt64, _ length: UInt64) -> String {
    String(decoding: text[Int(offset)..<Int(offset + length)], as: UTF8.self)
  }

  private static func build(_ path: String, to name: String, hash: UInt64, size: Int) throws {
    let temporary = temporaryName(beside: name)
    try callReader(path) { message, capacity in csj_build_index(path, temporary, hash, message, capacity) }
    do {
      try writeIndexHash(of: temporary)
    } catch {
      unlink(temporary)
      throw InputError(.cannotWrite, "\(name): cannot be written: \(error); \(CacheDirectory.remedy)")
    }
    try publish(temporary, as: name) { (try? COCOIndex(path: path, index: name, hash: hash, size: size)) != nil }
  }

  private static func writeIndexHash(of index: String) throws {
    let file = try MappedFile(path: index)
    var hash = withExtendedLifetime(file) { COCOIndexSections.indexHash(file.bytes) }
    let descriptor = Glibc.open(index, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
    defer { close(descriptor) }
    let size = MemoryLayout.size(ofValue: hash)
    guard descriptor >= 0, pwrite(descriptor, &hash, size, COCOIndexSections.indexHashEnd - size) == size else {
      throw InputError(.cannotWrite, systemMessage())
    }
  }
}

/// Calls a function of the JSON reader and turns its status and message into an error that names the file.
func callReader(_ path: String, _ body: (UnsafeMutablePointer<CChar>, Int) -> Int32) throws {
  let start = try startOfFile(path)
  if let fault = TextEncoding.fault(ofStart: start) { throw InputError(.badData, "\(path): \(fault)") }
  let capacity = 1024
  try withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
    guard let message = buffer.baseAddress else { return }
    message[0] = 0
    let status = body(message, capacity)
    if status == CSJSuccess.rawValue { return }
    let text = String(cString: message)
    switch CSJStatus(UInt32(status)) {
    case CSJMissingFile: throw InputError(.missingFile, "\(path): \(text)")
    case CSJCannotWrite: throw InputError(.cannotWrite, "\(text); \(CacheDirectory.remedy)")
    case CSJNotUTF8:
      let file = try MappedFile(path: path)
      let fault = withExtendedLifetime(file) { TextEncoding.fault(in: file.bytes) }
      throw InputError(.badData, "\(path): \(fault ?? "changed while it was read; wait until it is complete")")
    default: throw InputError(.badData, "\(path): \(text)")
    }
  }
}

/// The first bytes of a file, as many as tell formats apart; throws exit code 66 or 65.
private func startOfFile(_ path: String) throws -> [UInt8] {
  let descriptor = try openForReading(path)
  defer { close(descriptor) }
  _ = try fileStatus(descriptor, path)
  var start = [UInt8](repeating: 0, count: 8)
  let count = pread(descriptor, &start, start.count, 0)
  if count < 0 { throw InputError(.badData, "\(path): cannot be read: \(systemMessage())") }
  return Array(start.prefix(count))
}
