import Foundation
import Tensors

/// A file mapped read-only; its pages are the kernel's, shared by all ranks of a node.
final class MappedFile: Sendable {
  /// The content, which lives as long as this object.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// Maps the file at `path`; throws exit code 66 when it cannot be opened.
  init(path: String) throws {
    let descriptor = try openForReading(path)
    defer { close(descriptor) }
    let size = try fileStatus(descriptor, path).size
    if size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
    guard let address, address != MAP_FAILED else {
      throw InputError(.missingFile, "\(path): cannot be mapped into memory: \(systemMessage())")
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
  }
}

/// What identifies one state of a file without reading it.
struct FileStatus: Equatable {
  var device: UInt64
  var inode: UInt64
  var size: Int
  /// Nanoseconds of the last change of the content.
  var modified: Int
  /// Nanoseconds of the last change of content or attributes; programs cannot set it back.
  var changed: Int
}

func systemMessage() -> String { String(cString: strerror(errno)) }

/// Opens a regular file; throws exit code 66 when it cannot be opened, 65 when it is something else.
func openForReading(_ path: FilePath) throws -> Int32 {
  do throws(ReadingFailure) {
    return try openRegularFile(path).descriptor
  } catch {
    switch error {
    case .system(let code):
      throw InputError(.missingFile, "\(path): cannot be opened: \(String(cString: strerror(code)))")
    case .kind(let kind): throw InputError(.badData, "\(path): is \(kind), expected a regular file")
    }
  }
}

func openForReading(_ path: String) throws -> Int32 { try openForReading(FilePath(path)) }

/// Reads a whole file; see the other form.
public func readFile(_ path: String, into bytes: inout [UInt8]) throws { try readFile(FilePath(path), into: &bytes) }

func fileStatus(_ descriptor: Int32, _ path: String) throws -> FileStatus {
  var status = stat()
  guard fstat(descriptor, &status) == 0 else {
    throw InputError(.missingFile, "\(path): cannot be looked at: \(systemMessage())")
  }
  return FileStatus(
    device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int(status.st_size),
    modified: status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec,
    changed: status.st_ctim.tv_sec * 1_000_000_000 + status.st_ctim.tv_nsec)
}

/// Reads a whole file into `bytes`, whose capacity is kept from call to call.
///
/// Throws exit code 66 when the file is missing, 65 when it cannot be read to its end.
public func readFile(_ path: FilePath, into bytes: inout [UInt8]) throws {
  let descriptor = try openForReading(path)
  defer { close(descriptor) }
  let size = try fileStatus(descriptor, "\(path)").size
  if bytes.count > size {
    bytes.removeLast(bytes.count - size)
  } else if bytes.count < size {
    bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
  }
  var done = 0
  while done < size {
    let received = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + done, size - done) }
    if received < 0 && errno == EINTR { continue }
    guard received > 0 else {
      let reason = received < 0 ? systemMessage() : "the file shrank; wait until nothing writes to it"
      throw InputError(.badData, "\(path): reading stopped at byte \(done) of \(size): \(reason)")
    }
    done += received
  }
}

/// Writes a file under a temporary name beside `path` and renames it, so that it is complete or absent.
///
/// Throws exit code 73.
public func writeFile(_ bytes: [UInt8], to path: String) throws {
  do throws(WritingFailure) {
    try replaceFile(path, with: bytes)
  } catch {
    throw unwritable(path, error)
  }
}

private func unwritable(_ path: String, _ failure: WritingFailure) -> InputError {
  InputError(.cannotWrite, "\(path): cannot be written: \(failure.reason); free space, or give another place")
}

/// Gives a finished file its name unless a good one of that name has appeared meanwhile; the temporary name is gone then.
///
/// A good file stays because others may have mapped it: on a network file system a file that is replaced is gone under the
/// mappings of other machines. Throws exit code 73.
func publish(_ temporary: String, as path: String, keepingWhen isGood: () -> Bool) throws {
  if link(temporary, path) == 0 || errno == EEXIST && isGood() {
    unlink(temporary)
    return
  }
  // A damaged one is replaced, and not every file system has links.
  guard rename(temporary, path) == 0 else {
    let reason = systemMessage()
    unlink(temporary)
    throw InputError(.cannotWrite, "\(path): cannot be written: \(reason); \(CacheDirectory.remedy)")
  }
}

/// Throws exit code 73 where `writeFile` would: before work whose results would be lost.
public func requireWritable(_ path: String) throws {
  do throws(WritingFailure) {
    try requireReplaceable(path)
  } catch {
    throw unwritable(path, error)
  }
}
