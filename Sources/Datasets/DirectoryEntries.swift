import Glibc
import Tensors

/// The entries of a directory, sorted by the bytes of their names.
struct DirectoryEntries {
  /// What tells a directory from others, however a path leads to it.
  struct Identity: Equatable {
    let device: dev_t
    let inode: ino_t
  }

  /// The directory that was listed.
  let identity: Identity
  /// The names, each with a zero behind it.
  private var text: [UInt8] = []
  private var entries: [(start: Int, isFolder: Bool)] = []

  /// Lists a directory; links to directories count as such.
  ///
  /// - Parameter isFile: whether a name says by itself that it is no directory. On a network file system it saves a request
  ///   for each link.
  /// - Throws: exit code 66 when it cannot be read.
  init(_ path: FilePath, isFile: (ArraySlice<UInt8>) -> Bool) throws {
    func unreadable() -> InputError {
      InputError(.missingFile, "\(path): the folder of the images cannot be read: \(systemMessage())")
    }
    guard let directory = path.withCString({ opendir($0) }) else { throw unreadable() }
    defer { closedir(directory) }
    let descriptor = dirfd(directory)
    var status = stat()
    if fstat(descriptor, &status) != 0 { throw unreadable() }
    identity = Identity(device: status.st_dev, inode: status.st_ino)
    while true {
      errno = 0
      guard let entry = readdir(directory) else { break }
      let type = Int32(entry.pointee.d_type)
      let start = text.count
      withUnsafeBytes(of: &entry.pointee.d_name) { name in text += name.prefix { $0 != 0 } }
      text.append(0)
      let name = text[start..<text.count - 1]
      if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) {
        text.removeLast(text.count - start)
        continue
      }
      let isFolder =
        type == Int32(DT_DIR)
        || (type == Int32(DT_LNK) || type == Int32(DT_UNKNOWN)) && !isFile(name)
          && Self.isFolder(text, start, descriptor)
      entries.append((start, isFolder))
    }
    if errno != 0 { throw unreadable() }
    text.withUnsafeBytes { text in
      guard let base = text.bindMemory(to: CChar.self).baseAddress else { return }
      entries.sort { strcmp(base + $0.start, base + $1.start) < 0 }
    }
  }

  private static func isFolder(_ text: [UInt8], _ start: Int, _ directory: Int32) -> Bool {
    text.withUnsafeBytes { text in
      guard let base = text.bindMemory(to: CChar.self).baseAddress else { return false }
      var status = stat()
      return fstatat(directory, base + start, &status, 0) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
  }

  /// Gives the names in their order.
  func forEach(_ body: (_ name: ArraySlice<UInt8>, _ isFolder: Bool) throws -> Void) rethrows {
    for (start, isFolder) in entries {
      guard let end = text[start...].firstIndex(of: 0) else { return }
      try body(text[start..<end], isFolder)
    }
  }
}
