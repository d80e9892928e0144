import Glibc
import Tensors

/// A file in memory under one path, whose content each run of a fuzz target replaces.
///
/// The readers under test open paths and map files; a file in memory costs no disk.
struct InputFile: Sendable {
  /// What a reader opens.
  let path: String
  private let descriptor: Int32

  /// An empty file.
  ///
  /// Traps when `/dev/shm` cannot be written.
  init() {
    var name = Array("/dev/shm/dropblock-fuzzing-XXXXXX".utf8CString)
    descriptor = mkstemp(&name)
    require(descriptor >= 0, "no file in /dev/shm: \(String(cString: strerror(errno)))")
    unlink(name)
    path = "/proc/self/fd/\(descriptor)"
  }

  /// Makes these bytes the whole content.
  func replace(_ bytes: UnsafeRawBufferPointer) {
    require(ftruncate(descriptor, 0) == 0, "cannot empty the file in memory")
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    require(pwrite(descriptor, start, bytes.count, 0) == bytes.count, "cannot fill the file in memory")
  }
}
