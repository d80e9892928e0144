import Foundation
import Tensors

/// The bytes of a file, mapped into memory for reading.
///
/// Pages are read when they are touched. The mapping ends with the last copy of the returned value. Throws 66 when the
/// file cannot be opened and 65 when it is a directory.
func mappedBytes(of path: String) throws(InputError) -> Data {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  if descriptor < 0 { throw unreadable(path, errno: errno) }
  defer { close(descriptor) }
  var status = stat()
  if fstat(descriptor, &status) != 0 { throw unreadable(path, errno: errno) }
  if status.st_mode & S_IFMT == S_IFDIR { throw unfit(path, "kind", expected: "a file", got: "a directory") }
  let byteCount = Int(status.st_size)
  if byteCount == 0 { return Data() }
  guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
    throw unreadable(path, errno: errno)
  }
  return Data(bytesNoCopy: start, count: byteCount, deallocator: .custom { start, count in munmap(start, count) })
}
