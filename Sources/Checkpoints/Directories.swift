import Glibc
import Tensors

/// Creates a directory; throws 73 when it cannot.
func createDirectory(_ path: String) throws(InputError) {
  if mkdir(path, 0o777) != 0 { throw unwritable(path, "create", errno: errno) }
}
