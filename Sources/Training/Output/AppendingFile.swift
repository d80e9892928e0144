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
  private let identity: FileIdentity?

  /// Opens the file, creating it when it does not exist.
  ///
  /// - Throws: `InputError` with code 73 when it cannot be written, is a link or no regular file.
  public init(path: String) throws(InputError) {
    self.path = path
    let opened: Int32
    do throws(WritingFailure) {
      opened = try openFileForAppending(path)
    } catch {
      throw .cannotWrite(path, error)
    }
    descriptor = Mutex(opened)
    identity = FileIdentity(of: opened)
  }

  deinit {
    _ = descriptor.withLock { close($0) }
  }

  /// Appends bytes.
  ///
  /// - Throws: `InputError` with code 73, for example when the disk is full, and when the file was removed or moved: what
  ///   went on into it would be lost.
  public func append(_ bytes: [UInt8]) throws(InputError) {
    do throws(WritingFailure) {
      try descriptor.withLock { descriptor in
        Result { () throws(WritingFailure) in try append(bytes, to: descriptor) }
      }.get()
    } catch {
      throw .cannotWrite(path, error)
    }
  }

  private func append(_ bytes: [UInt8], to descriptor: Int32) throws(WritingFailure) {
    guard let identity, FileIdentity(of: path) == identity else {
      throw WritingFailure("write", "it was moved or removed while the run was writing to it")
    }
    var written = 0
    do throws(WritingFailure) {
      try writeAll(bytes, to: descriptor, written: &written)
    } catch {
      if written > 0 { ftruncate(descriptor, lseek(descriptor, 0, SEEK_END) - written) }
      throw error
    }
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
    cannotWrite(path, WritingFailure(action, errno: code))
  }

  /// The error for output that failed.
  static func cannotWrite(_ path: String, _ failure: WritingFailure) -> InputError {
    InputError(
      .cannotWrite,
      "\(path): cannot \(failure.action): \(failure.reason); give a directory that can be written with --output DIR")
  }
}
