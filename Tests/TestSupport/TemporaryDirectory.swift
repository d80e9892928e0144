import Foundation
import Tensors

/// A new empty directory that goes away with this object.
///
/// Its place is `$TMPDIR` or `/tmp`; this user alone may enter it, whatever the mask. Keep the object alive as long as the
/// files are needed.
public final class TemporaryDirectory: Sendable {
  /// The absolute path, without a slash at the end.
  public let path: String

  /// Creates the directory.
  public init(_ purpose: String = "test") throws {
    path = FileManager.default.temporaryDirectory.path + "/dropblock-\(purpose)-\(UUID().uuidString)"
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// The path of an entry of the directory.
  public func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes bytes to an entry and returns its path.
  @discardableResult
  public func write(_ bytes: [UInt8], to name: String) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }

  /// Writes text to an entry and returns its path.
  @discardableResult
  public func write(_ text: String, to name: String) throws -> String {
    try write(Array(text.utf8), to: name)
  }
}
