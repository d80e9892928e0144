import Glibc
import Tensors

/// The file of a run directory that is locked by the run, and says whose it is; see Note [One run a directory].
final class LockFile: Sendable {
  /// Where it is.
  let path: String
  private let descriptor: Int32

  /// Opens the file, creating it when it is not there; throws 73.
  init(path: String) throws(InputError) {
    self.path = path
    do throws(WritingFailure) {
      descriptor = try openFileForAppending(path)
    } catch {
      throw .cannotWrite(path, error)
    }
  }

  /// Gives the lock back with the descriptor.
  deinit { close(descriptor) }

  /// The kernel's answer to a wish for the lock.
  enum Answer {
    case locked
    /// Another process has it.
    case refused
    /// The file system knows no locks.
    case unsupported
  }

  /// Asks for the lock without waiting.
  ///
  /// It is of the open file: it ends with the process, and on NFS it is the server's, for all hosts.
  func tryLock() -> Answer {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { return .refused }
      if errno != EINTR { return .unsupported }
    }
    return .locked
  }

  /// Whether another process has the lock of a file; false also where the file is not there or its system knows no locks.
  static func isHeld(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { return false }
    // A lock that is had goes with the descriptor. A run that starts meanwhile asks again.
    defer { close(descriptor) }
    while flock(descriptor, LOCK_SH | LOCK_NB) != 0 {
      if errno != EINTR { return errno == EWOULDBLOCK }
    }
    return false
  }

  /// The owner that it names.
  ///
  /// Opened anew, which has a network file system look at the server.
  var owner: RunOwner? { RunOwner(file: path) }

  /// What changes with each sign of life.
  struct Sign: Equatable {
    var owner: RunOwner?
    var (seconds, nanoseconds) = (0, 0)
  }

  /// The last sign of life.
  var sign: Sign {
    var status = stat()
    let owner = owner
    stat(path, &status)
    return Sign(owner: owner, seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
  }

  /// Names an owner; throws 73.
  func name(_ owner: RunOwner) throws(InputError) {
    clear()
    var written = 0
    do throws(WritingFailure) {
      try writeAll(owner.line, to: descriptor, written: &written)
    } catch {
      throw .cannotWrite(path, error)
    }
    // A network file system would keep it here for a while.
    fsync(descriptor)
  }

  /// Names nobody.
  func clear() { ftruncate(descriptor, 0) }

  /// Gives a sign of life.
  func touch() { futimens(descriptor, nil) }
}
