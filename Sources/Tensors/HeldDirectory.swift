import Glibc

/// A directory that is written to for long, known by itself and not by its path alone.
///
/// As long as this object lives, no other directory can be taken for it: one that is removed keeps its place in the file
/// system until then.
public final class HeldDirectory: Sendable {
  /// The path that it had when this object was made.
  public let path: String
  private let descriptor: Int32
  private let identity: FileIdentity

  /// Takes hold of a directory; throws 73 when it is none.
  public init(_ path: String) throws(InputError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0, let identity = FileIdentity(of: descriptor) else {
      throw InputError(.cannotWrite, "\(path): cannot open the directory: \(String(cString: strerror(errno)))")
    }
    self.identity = identity
  }

  deinit { close(descriptor) }

  /// Throws 73 when the path leads to another directory now, or to none.
  public func requireInPlace() throws(InputError) {
    if FileIdentity(of: path) == identity { return }
    throw InputError(
      .cannotWrite,
      "\(path): the directory was moved or removed while the run was writing to it; move it back, and start the run again "
        + "to go on from its last checkpoint")
  }
}

/// What tells a file or directory from every other one, whatever its name.
public struct FileIdentity: Equatable, Sendable {
  private let device: UInt64
  private let inode: UInt64

  private init(_ status: stat) {
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
  }

  /// That of an open file, nil where the system does not tell.
  public init?(of descriptor: Int32) {
    var status = stat()
    if fstat(descriptor, &status) != 0 { return nil }
    self.init(status)
  }

  /// That of what a path leads to, nil when it leads nowhere.
  public init?(of path: String) {
    var status = stat()
    if stat(path, &status) != 0 { return nil }
    self.init(status)
  }
}
