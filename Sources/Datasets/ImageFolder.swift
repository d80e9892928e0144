import Glibc
import Tensors

/// Pictures in one folder for each class, as ImageNet's are stored: `ROOT/CLASS/*.JPEG`.
///
/// Classes are the sorted names of the folders, pictures are sorted within them; both by bytes, so that every machine finds
/// the same order. A name takes its bytes and eight more, 40 MB for ImageNet.
public struct ImageFolder: Sendable {
  /// The folder of the class folders.
  public let root: String
  /// The names of the classes in the order of their numbers.
  public let classNames: [String]
  /// All names, one after the other.
  private var names: [UInt8] = []
  /// Where each name ends.
  private var ends: [Int] = []
  /// The index of each class's first picture, and the number of pictures at the end.
  private var firstOfClass: [Int] = [0]

  /// Endings of pictures, in any case of letters.
  static let endings = [".jpg", ".jpeg", ".png"]

  /// Lists a folder.
  ///
  /// Throws exit code 66 when it is missing, 65 when it has no class folders or one without pictures.
  public init(root: String) throws {
    self.root = root
    classNames = try Self.classNames(in: root)
    for name in classNames {
      let before = ends.count
      let pictures = try DirectoryEntries("\(root)/\(name)") { _, entry in Self.isPicture(entry) }
      pictures.forEach { bytes in
        names += bytes
        ends.append(names.count)
      }
      if ends.count == before {
        throw InputError(
          .badData,
          "\(root)/\(name): expected images (\(Self.endings.joined(separator: ", "))), got none; every class needs some, so "
            + "add them or remove the folder")
      }
      firstOfClass.append(ends.count)
    }
  }

  /// The sorted names of the class folders; throws exit code 66 when `root` is missing, 65 when there are none.
  public static func classNames(in root: String) throws -> [String] {
    let folders = try DirectoryEntries(root) { directory, entry in
      switch Int32(entry.type) {
      case Int32(DT_DIR): return true
      case Int32(DT_LNK), Int32(DT_UNKNOWN):
        var status = stat()
        return fstatat(directory, entry.name, &status, 0) == 0 && status.st_mode & S_IFMT == S_IFDIR
      default: return false
      }
    }
    var result: [String] = []
    folders.forEach { result.append(String(decoding: $0, as: UTF8.self)) }
    if result.isEmpty {
      throw InputError(.badData, "\(root): expected one folder for each class, got no folders")
    }
    return result
  }

  /// The number of pictures.
  public var count: Int { ends.count }

  /// The numbers of the pictures of a class.
  public func images(ofClass label: Int) -> Range<Int> { firstOfClass[label]..<firstOfClass[label + 1] }

  /// The class of a picture.
  public func label(at index: Int) -> Int {
    require(index >= 0 && index < count, "picture \(index) of \(count)")
    var (low, high) = (0, classNames.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if firstOfClass[middle] <= index { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// The path of a picture.
  public func path(at index: Int) -> String {
    let name = String(decoding: names[(index == 0 ? 0 : ends[index - 1])..<ends[index]], as: UTF8.self)
    return "\(root)/\(classNames[label(at: index)])/\(name)"
  }

  /// What differs where two listings do, in classes, names or order.
  var contentHash: UInt64 {
    var hash = ContentHash()
    var head = Array(classNames.joined(separator: "/").utf8)
    head += Array(repeating: 0, count: (32 - head.count % 32) % 32)
    head.withUnsafeBytes { hash.update($0) }
    var places = ends + firstOfClass
    places += Array(repeating: 0, count: (4 - places.count % 4) % 4)
    places.withUnsafeBytes { hash.update($0) }
    names.withUnsafeBytes { hash.update($0) }
    return hash.value
  }

  private static func isPicture(_ entry: DirectoryEntries.Entry) -> Bool {
    if Int32(entry.type) == Int32(DT_DIR) { return false }
    let length = strlen(entry.name)
    return endings.contains { length > $0.utf8.count && strcasecmp(entry.name + (length - $0.utf8.count), $0) == 0 }
  }
}

/// Names of a directory, sorted by bytes, hidden ones left out.
private struct DirectoryEntries {
  /// An entry as the system lists it.
  struct Entry {
    let name: UnsafePointer<CChar>
    let type: UInt8
  }

  /// The names, each with a zero behind it.
  private var text: [UInt8] = []
  private var starts: [Int] = []

  /// Lists those entries of a directory that `isWanted`; throws exit code 66 when it cannot be read.
  init(_ path: String, where isWanted: (_ directory: Int32, Entry) -> Bool) throws {
    guard let directory = opendir(path) else {
      throw InputError(.missingFile, "\(path): the folder of the images cannot be read: \(systemMessage())")
    }
    defer { closedir(directory) }
    let descriptor = dirfd(directory)
    while true {
      errno = 0
      guard let entry = readdir(directory) else { break }
      let type = entry.pointee.d_type
      withUnsafePointer(to: &entry.pointee.d_name) { name in
        name.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: name.pointee)) { name in
          if name[0] == CChar(UInt8(ascii: ".")) || !isWanted(descriptor, Entry(name: name, type: type)) { return }
          starts.append(text.count)
          let bytes = UnsafeRawBufferPointer(start: name, count: strlen(name) + 1)
          text += bytes
        }
      }
    }
    if errno != 0 {
      throw InputError(.missingFile, "\(path): the folder of the images cannot be read: \(systemMessage())")
    }
    text.withUnsafeBytes { text in
      guard let base = text.bindMemory(to: CChar.self).baseAddress else { return }
      starts.sort { strcmp(base + $0, base + $1) < 0 }
    }
  }

  /// Gives the names in their order, without the zero.
  func forEach(_ body: (ArraySlice<UInt8>) -> Void) {
    for start in starts {
      guard let end = text[start...].firstIndex(of: 0) else { return }
      body(text[start..<end])
    }
  }
}
