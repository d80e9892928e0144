import Glibc

/// The file system that holds a path.
public struct FileSystem: Sendable, Equatable {
  /// Its type, as the kernel names it, such as ext4 or nfs4; `unknown` in a changed root, whose mount the kernel does not list.
  public let type: String
  /// Bytes that a user other than root may still write.
  public let freeBytes: Int

  /// Whether other machines may change its files, so that a mapping may lose its file and names may be seen late.
  public var isShared: Bool {
    let shared = ["nfs", "nfs4", "cifs", "smb3", "lustre", "gpfs", "beegfs", "ceph", "9p", "afs", "orangefs", "panfs"]
    return shared.contains(type) || type.hasPrefix("fuse")
  }

  /// The file system of an existing file or directory, nil where the system does not tell.
  public init?(holding path: String) {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    var status = statvfs()
    guard statvfs(path, &status) == 0, let mounts = kernelText("/proc/self/mountinfo") else { return nil }
    type = Self.type(of: String(cString: real), mounts: mounts) ?? "unknown"
    freeBytes = Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }

  /// The type of the mount that holds an absolute path without links, in the kernel's list of mounts.
  static func type(of path: String, mounts: String) -> String? {
    var best: (length: Int, type: String)?
    for line in mounts.split(separator: "\n") {
      // Five fields, the fifth is the place; then optional ones up to a dash, then the type.
      let fields = line.split(separator: " ")
      guard fields.count > 6, let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count else { continue }
      let place = unescaped(fields[4])
      let holds = path == place || place == "/" || path.hasPrefix("\(place)/")
      // Of several mounts on one place the last one is seen.
      if holds && place.utf8.count >= best?.length ?? 0 { best = (place.utf8.count, String(fields[dash + 1])) }
    }
    return best?.type
  }

  /// A path as the kernel wrote it, with its octal escapes for blanks resolved.
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3).map { $0 &- UInt8(ascii: "0") }
      if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ $0 < 8 }), digits[0] < 4 {
        bytes.append(digits[0] << 6 | digits[1] << 3 | digits[2])
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// The contents of a small file of the kernel, or nil.
public func kernelText(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  if descriptor < 0 { return nil }
  defer { close(descriptor) }
  var contents: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 65536)
  while contents.count < 1 << 20 {
    let count = read(descriptor, &buffer, buffer.count)
    if count <= 0 { break }
    contents += buffer[..<count]
  }
  return String(decoding: contents, as: UTF8.self)
}
