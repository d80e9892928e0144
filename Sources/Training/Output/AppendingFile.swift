import Glibc
import Synchronization
import Tensors

/// A file of the run directory that only ever grows, written whole records at a time.
///
/// Each `append` is one write to the end of the file, so a process that dies leaves whole records except perhaps the
/// last; a record that the disk has no room for is taken back. Safe to use from several threads.
public final class AppendingFile: Sendable {
  /// The path that messages name.
  public let path: String
  private let descriptor: Mutex<Int32>

  /// Opens the file, creating it when it does not exist.
  ///
  /// - Throws: `InputError` with code 73 when it cannot be written.
  public init(path: String) throws(InputError) {
    self.path = path
    let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    if opened < 0 { throw .cannotWrite(path, "open", errno) }
    descriptor = Mutex(opened)
  }

  deinit {
    _ = descriptor.withLock { close($0) }
  }

  /// Appends bytes.
  ///
  /// - Throws: `InputError` with code 73, for example when the disk is full.
  public func append(_ bytes: [UInt8]) throws(InputError) {
    let failure: Int32 = descriptor.withLock { descriptor in
      var written = 0
      while written < bytes.count {
        let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written) }
        if count < 0 && errno == EINTR { continue }
        if count < 0 {
          let code = errno
          if written > 0 { ftruncate(descriptor, lseek(descriptor, 0, SEEK_END) - written) }
          return code
        }
        written += count
      }
      return 0
    }
    if failure != 0 { throw .cannotWrite(path, "write", failure) }
  }

  /// Appends a line of text; the line break is added.
  ///
  /// - Throws: `InputError` with code 73.
  public func append(line: String) throws(InputError) {
    try append(Array(line.utf8) + [UInt8(ascii: "\n")])
  }
}

extension InputError {
  /// The error for output that the system refuses.
  static func cannotWrite(_ path: String, _ action: String, _ code: Int32) -> InputError {
    InputError(
      .cannotWrite,
      "\(path): cannot \(action): \(String(cString: strerror(code))); give a directory that can be written with "
        + "--output DIR")
  }
}
