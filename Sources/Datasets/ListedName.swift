import Foundation

/// The name of a picture in an annotation file, which may be that of another system.
struct ListedName {
  let text: String

  /// A name as it is listed.
  init(_ text: String) { self.text = text }

  /// Whether it has backslashes, as Windows writes paths.
  var hasBackslashes: Bool { text.utf8.contains(UInt8(ascii: "\\")) }

  private var isAbsolute: Bool { text.utf8.first == UInt8(ascii: "/") }

  /// The file in `folder`; an absolute name is taken as such where that file exists, and backslashes are taken for slashes
  /// where only then a file exists.
  func path(in folder: String) -> String {
    let plain = "\(folder)/\(text)"
    if isAbsolute { return Self.exists(text) ? text : plain }
    if !hasBackslashes || Self.exists(plain) { return plain }
    let slashed = ListedName(text.replacingOccurrences(of: "\\", with: "/")).path(in: folder)
    return Self.exists(slashed) ? slashed : plain
  }

  /// Whether the path of the name in `folder` leads out of it.
  func leadsOutside(_ folder: String, path: String) -> Bool {
    let (file, parent) = (Self.parts(of: path), Self.parts(of: folder))
    return file.count <= parent.count || !file.starts(with: parent)
  }

  /// The names on the way of a path, without those that `..` takes back.
  private static func parts(of path: String) -> [Substring] {
    path.split(separator: "/").reduce(into: []) { parts, part in
      switch part {
      case ".": break
      case ".." where !parts.isEmpty: parts.removeLast()
      default: parts.append(part)
      }
    }
  }

  /// How a file of this name can be found that is not in `folder`, in words; `key` says where the folder is configured.
  func advice(in folder: String, key: String) -> String {
    var parent = folder
    for _ in 0..<8 where parent.utf8.count > 1 {
      parent = (parent as NSString).deletingLastPathComponent
      if !parent.isEmpty && Self.exists("\(parent)/\(text)") {
        return "file names begin with the folder's own name: --set \(key)=\(parent)"
      }
    }
    let name = text.replacingOccurrences(of: "\\", with: "/").split(separator: "/").last.map(String.init) ?? text
    if name != text && Self.exists("\(folder)/\(name)") {
      return "the folder has \(name): cut what precedes it from every \"file_name\""
    }
    return "say where the images lie with --set \(key)=DIR, where DIR/\(text) is a file"
  }

  /// Whether there is no file of this path.
  static func isMissing(_ path: String) -> Bool { access(path, F_OK) != 0 }

  /// The names in a folder, none where it cannot be read.
  static func entries(of folder: String) -> Set<String> {
    Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
  }

  private static func exists(_ path: String) -> Bool { !isMissing(path) }
}
