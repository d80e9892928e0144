import Checkpoints
import Foundation
import Tensors

/// Where the package's files and the optional shared data lie.
public enum Locations {
  /// The root of the package, found from the place of this source file.
  public static let packageRoot = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// The folder of shared data: `$DROPBLOCK_SHARED`, else `shared` beside the package root; nil when there is none.
  ///
  /// Tests that want it say why they skip when it is nil; whatever must always be checked lives in `Tests/Goldens/files`.
  public static let shared: String? = {
    let named = ProcessInfo.processInfo.environment["DROPBLOCK_SHARED"]
    let folder = named ?? URL(fileURLWithPath: packageRoot).deletingLastPathComponent().path + "/shared"
    var isDirectory: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory) && isDirectory.boolValue
    return exists ? folder : nil
  }()

  /// The path of a file below `Tests/Goldens/files`.
  public static func golden(path name: String) -> String { "\(packageRoot)/Tests/Goldens/files/\(name)" }

  /// The program under test: `dropblock-dist` beside the running test bundle.
  public static let program: String = {
    let bundle = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return URL(fileURLWithPath: bundle).deletingLastPathComponent().path + "/dropblock-dist"
  }()
}

/// The golden tensors of `Tests/Goldens/files/NAME.safetensors`.
///
/// Throws when the file is missing or damaged.
public func golden(named name: String) throws -> SafetensorsFile {
  try SafetensorsFile(path: Locations.golden(path: "\(name).safetensors"))
}
