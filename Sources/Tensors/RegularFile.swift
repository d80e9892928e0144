import Glibc

/// Why a file cannot be read.
public enum ReadingFailure: Error {
  /// The system refuses to open it; its error number.
  case system(Int32)
  /// What is there is something else: its kind in words, with an article.
  case kind(String)
}

/// Opens a regular file for reading and returns its descriptor and its status.
///
/// Anything else of that name is refused, and never waited for: a FIFO that nobody writes to, or a terminal that nobody
/// types at, would hold a rank for ever.
public func openRegularFile(_ path: FilePath) throws(ReadingFailure) -> (descriptor: Int32, status: stat) {
  let descriptor = path.withCString { open($0, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) }
  if descriptor < 0 {
    // This is how the system refuses sockets, and devices that are not there.
    throw errno == ENXIO ? .kind("a socket or a device") : .system(errno)
  }
  var status = stat()
  let code = fstat(descriptor, &status) == 0 ? 0 : errno
  if code == 0, let kind = otherKind(status.st_mode) {
    close(descriptor)
    throw .kind(kind)
  }
  if code != 0 {
    close(descriptor)
    throw .system(code)
  }
  return (descriptor, status)
}

/// Opens a regular file for reading; see the other form.
public func openRegularFile(_ path: String) throws(ReadingFailure) -> (descriptor: Int32, status: stat) {
  try openRegularFile(FilePath(path))
}

/// What a file of a mode is, in words with an article; nil for a regular file.
func otherKind(_ mode: mode_t) -> String? {
  switch mode & S_IFMT {
  case S_IFREG: nil
  case S_IFDIR: "a directory"
  case S_IFIFO: "a FIFO"
  case S_IFSOCK: "a socket"
  case S_IFLNK: "a symbolic link"
  default: "a device"
  }
}
