import Glibc
import Tensors

/// What a finished file holds.
struct FileDigest: Codable, Equatable, Sendable {
  /// Its length.
  let bytes: Int
  /// Its XXH64 with seed 0, as 16 hexadecimal digits.
  let xxh64: String
}

/// A file being written, hashed on the way.
final class OutputFile {
  private let path: String
  private let descriptor: Int32
  private var hash = XXHash64()
  private var byteCount = 0

  /// Creates the file, which must not be there.
  init(creating path: String) throws(InputError) {
    self.path = path
    do throws(WritingFailure) {
      descriptor = try createFile(path)
    } catch {
      throw unwritable(path, error)
    }
  }

  deinit { close(descriptor) }

  /// Appends bytes.
  func write(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
    hash.update(bytes)
    byteCount += bytes.count
    var written = 0
    do throws(WritingFailure) {
      try writeAll(bytes, to: descriptor, written: &written)
    } catch {
      throw unwritable(path, error)
    }
  }

  /// Appends the elements of an array as they lie in memory.
  func write<Element: BitwiseCopyable>(contentsOf elements: [Element]) throws(InputError) {
    // `withUnsafeBytes` of an array does not hand a typed error through; a result does.
    try elements.withUnsafeBytes { bytes in Result { () throws(InputError) in try write(bytes) } }.get()
  }

  /// Waits until the disk has everything, and says what was written.
  func flush() throws(InputError) -> FileDigest {
    if fsync(descriptor) != 0 { throw unwritable(path, "flush", errno: errno) }
    return FileDigest(bytes: byteCount, xxh64: hash.text)
  }
}

/// Waits until the disk has the names in a directory.
func flushDirectory(_ path: String) throws(InputError) {
  let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  if descriptor < 0 { throw unwritable(path, "open", errno: errno) }
  defer { close(descriptor) }
  // Some network file systems cannot flush a directory and say EINVAL: there is nothing more to do then.
  if fsync(descriptor) != 0 && errno != EINVAL { throw unwritable(path, "flush", errno: errno) }
}

/// Gives a file or directory its final name, replacing a file of that name in one step.
func renameEntry(_ source: String, to destination: String) throws(InputError) {
  if rename(source, destination) != 0 { throw unwritable(destination, "rename to it", errno: errno) }
}
