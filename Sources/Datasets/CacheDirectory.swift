import Foundation
import Tensors

/// Where generated pictures, annotation indexes and plans are kept between runs.
public enum CacheDirectory {
  /// `$DROPBLOCK_CACHE`, else `$XDG_CACHE_HOME/dropblock-dist`, else `dropblock-dist-UID` in the temporary directory.
  public static func path(environment: [String: String] = ProcessInfo.processInfo.environment) -> String {
    if let path = environment["DROPBLOCK_CACHE"], !path.isEmpty { return path }
    if let path = environment["XDG_CACHE_HOME"], !path.isEmpty { return path + "/dropblock-dist" }
    let temporary = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
    return "\(temporary)/dropblock-dist-\(getuid())"
  }

  /// Creates a directory with its parents unless it is there; throws exit code 73.
  public static func create(_ path: String) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    } catch {
      throw InputError(
        .cannotWrite,
        "\(path): the cache directory cannot be created; set DROPBLOCK_CACHE to a place that can be written")
    }
  }
}
