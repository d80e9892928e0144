import Foundation

/// A small file system of its own, in memory, for what only a full or read-only disk shows; it goes away with this object.
///
/// Mounting needs root, so tests that use it are `.enabled(if: MountedFolder.isAllowed, ...)`.
public final class MountedFolder {
  /// Why such tests are left out.
  public static let reason = "mounting a file system needs root"

  /// Whether this process may mount; found out by doing it once.
  public static let isAllowed = (try? MountedFolder(mebibytes: 1)) != nil

  /// Where it is mounted.
  public let path: String
  private let folder: TemporaryDirectory
  private var mounts: [String]

  /// Mounts an empty file system of a size.
  public init(mebibytes: Int) throws {
    folder = try TemporaryDirectory("mount")
    path = folder.path
    mounts = []
    try mount(["-t", "tmpfs", "-o", "size=\(mebibytes)m", "tmpfs", path])
    mounts.append(path)
  }

  deinit {
    for mount in mounts.reversed() { _ = try? run(["umount", "--lazy", mount]) }
  }

  /// Makes a directory of the file system read-only from now on; what is open elsewhere in it stays writable.
  public func makeReadOnly(_ directory: String) throws {
    try mount(["--bind", directory, directory])
    mounts.append(directory)
    try mount(["-o", "remount,bind,ro", directory])
  }

  private func mount(_ arguments: [String]) throws {
    let result = try run(["mount"] + arguments)
    if result.exitCode != 0 { throw CannotStart(description: "\(result)") }
  }
}
