import Glibc
import Tensors

/// Whether there is a directory at a path.
func isDirectory(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// Creates a directory; throws 73 when it cannot.
func createDirectory(_ path: String) throws(InputError) {
  if mkdir(path, 0o777) != 0 { throw unwritable(path, "create", errno: errno) }
}
