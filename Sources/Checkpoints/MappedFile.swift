import Foundation
import Tensors

/// The bytes of a file, mapped into memory for reading.
///
/// Pages are read when they are touched. The mapping ends with the last copy of the returned value. On a file system that
/// other machines write to, the file is read instead: one that is removed there would be gone under the mapping, and the
/// process with it. Throws 66 when the file cannot be opened and 65 when it is no regular file or cannot be read.
/// - Parameter isShared: whether other machines write to the file system; nil asks the system.
func mappedBytes(of path: String, isShared: Bool? = nil) throws(InputError) -> Data {
  let (descriptor, status): (Int32, stat)
  do throws(ReadingFailure) {
    (descriptor, status) = try openRegularFile(path)
  } catch {
    switch error {
    case .system(let code): throw unreadable(path, errno: code)
    case .kind(let kind): throw unfit(path, "kind", expected: "a regular file", got: kind)
    }
  }
  defer { close(descriptor) }
  let byteCount = Int(status.st_size)
  if byteCount == 0 { return Data() }
  if isShared ?? FileSystem(holding: path)?.isShared ?? false {
    return try contents(descriptor, byteCount: byteCount, path: path)
  }
  guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
    throw unreadable(path, errno: errno)
  }
  return Data(bytesNoCopy: start, count: byteCount, deallocator: .custom { start, count in munmap(start, count) })
}

/// Reads a whole file.
private func contents(_ descriptor: Int32, byteCount: Int, path: String) throws(InputError) -> Data {
  var bytes = Data(count: byteCount)
  var done = 0
  while done < byteCount {
    let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + done }, byteCount - done) }
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw unreadable(path, errno: errno) }
    if count == 0 {
      throw unfit(
        path, "length", expected: "\(byteCount) bytes", got: "\(done)", remedy: "wait until nothing writes to it")
    }
    done += count
  }
  return bytes
}
