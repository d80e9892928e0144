import Foundation

/// An environment variable that a path names and that is not set; the reader adds key and place.
struct UnsetVariable: Error {
  let name: String
}

/// How paths in a configuration are understood.
enum ConfigurationPath {
  /// The path from the root of the file system, without `.` and `..`.
  ///
  /// A leading `$NAME` stands for that environment variable; a relative path starts at the directory of the file that
  /// states it, or at the working directory for `--set`.
  /// - Throws: `UnsetVariable`.
  static func absolute(_ path: String, from origin: ConfigurationOrigin) throws(UnsetVariable) -> String {
    var path = path
    if path.hasPrefix("$") {
      let parts = path.dropFirst().split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard let value = origin.environment[name], !value.isEmpty else {
        throw UnsetVariable(name: name)
      }
      path = parts.count == 2 ? "\(value)/\(parts[1])" : value
    }
    return absolute(path, in: origin.directory)
  }

  /// The path from the root of the file system, a relative one starting at `directory`.
  static func absolute(_ path: String, in directory: String) -> String {
    let start = directory.hasPrefix("/") ? directory : "\(FileManager.default.currentDirectoryPath)/\(directory)"
    var parts: [Substring] = []
    for part in (path.hasPrefix("/") ? path : "\(start)/\(path)").split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  /// The directory part of a path; `.` when it has none.
  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The last part of a path without its extension.
  static func stem(of path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return String(name) }
    return String(name[..<dot])
  }
}
