import Datasets
import Foundation
import Tensors

extension [FilePath] {
  /// What files and sheets call picture files: their names without ending, with their places among them before where two
  /// have one name, or one has that of another's mask (`NAME-classes`).
  var pictureNames: [String] {
    let names = map { URL(fileURLWithPath: "\($0)").deletingPathExtension().lastPathComponent }
    let taken = Set(names)
    let areUnique = taken.count == names.count && !names.contains { taken.contains("\($0)-classes") }
    return names.enumerated().map { areUnique ? $1 : "\($0 + 1)-\($1)" }
  }
}

extension ImageOrientation {
  /// What to say of a picture file with this orientation where nothing says what becomes of it; nil else.
  func warning(of path: FilePath, _ rule: OrientationRule) -> String? {
    if self == .upright || rule != .auto { return nil }
    return "\(shown(path.description)): states EXIF orientation \(rawValue) and is taken as stored; say "
      + "--set data.orientation=apply, which turns it as viewers do, or ignore"
  }
}
