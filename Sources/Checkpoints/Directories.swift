import Glibc
import Tensors

/// Creates a directory; throws 73 when it cannot.
func createDirectory(_ path: String) throws(InputError) {
  if mkdir(path, 0o777) != 0 { throw unwritable(path, "create", errno: errno) }
}

/// Creates a directory and those above it that are missing; throws 73 with the system's words when it cannot.
func createDirectories(_ path: String) throws(InputError) {
  if mkdir(path, 0o777) == 0 { return }
  switch errno {
  case EEXIST:
    var status = stat()
    if stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR { return }
    throw unwritable(path, "create", errno: ENOTDIR)
  case ENOENT:
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      throw unwritable(path, "create", errno: ENOENT)
    }
    try createDirectories(String(path[..<slash]))
    try createDirectory(path)
  default: throw unwritable(path, "create", errno: errno)
  }
}
