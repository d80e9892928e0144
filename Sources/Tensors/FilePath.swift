import Glibc

/// The path of a file as the bytes that the system knows it by, which need not be UTF-8.
///
/// Its text, for messages and configurations, is the path itself where the bytes are UTF-8. Of other bytes each is written
/// as `\x` and two hexadecimal digits; so is a backslash that would else be read as the start of such an escape. Two paths
/// never have the same text.
public struct FilePath: Hashable, Sendable, CustomStringConvertible {
  /// The bytes, without a zero at the end.
  public let bytes: [UInt8]

  /// A path of exactly these bytes.
  public init(bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// The path that a string spells, whatever is in it.
  public init(_ path: String) { self.init(bytes: path.utf8) }

  /// The path of a text in which bytes may be escaped, as configurations state it.
  public init(text: String) {
    let source = Array(text.utf8)
    var (result, index): ([UInt8], Int) = ([], 0)
    while index < source.count {
      if let byte = Self.escapedByte(source, at: index) {
        result.append(byte)
        index += 4
      } else {
        result.append(source[index])
        index += 1
      }
    }
    bytes = result
  }

  /// The path as text, with bytes escaped that are not UTF-8.
  public var description: String { Self.text(bytes) }

  /// The path of an entry of this directory.
  public func appending(_ name: some Sequence<UInt8>) -> FilePath {
    FilePath(bytes: bytes + [UInt8(ascii: "/")] + name)
  }

  /// The path of the entry of this directory with the name that a string spells.
  public func appending(_ name: String) -> FilePath { appending(name.utf8) }

  /// Lends the path as the system's functions take it.
  public func withCString<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
    try (bytes + [0]).withUnsafeBufferPointer { bytes in
      try bytes.withMemoryRebound(to: CChar.self) { try body($0.baseAddress!) }
    }
  }

  /// Whether there is something at the path that the process may look at, as `stat` tells; links are followed.
  public var exists: Bool { status != nil }

  /// Whether the path leads to a directory; links are followed.
  public var isDirectory: Bool { status.map { $0.st_mode & S_IFMT == S_IFDIR } ?? false }

  /// Whether two paths lead to the same file or directory, which must be there; links are followed.
  public func leadsToSame(as other: FilePath) -> Bool {
    guard let status, let others = other.status else { return false }
    return (status.st_dev, status.st_ino) == (others.st_dev, others.st_ino)
  }

  private var status: stat? {
    var status = stat()
    return withCString { stat($0, &status) } == 0 ? status : nil
  }

  /// Bytes as text: UTF-8 as it is, every other byte escaped.
  public static func text(_ bytes: some Collection<UInt8>) -> String {
    let bytes = Array(bytes)
    let backslash = UInt8(ascii: "\\")
    if !bytes.contains(backslash), let text = String(validating: bytes, as: UTF8.self) { return text }
    var (result, index) = ("", 0)
    while index < bytes.count {
      let character = (1...4).lazy.filter { index + $0 <= bytes.count }.compactMap { length in
        String(validating: bytes[index..<index + length], as: UTF8.self)
      }.first
      if let character, escapedByte(bytes, at: index) == nil {
        result += character
        index += character.utf8.count
      } else {
        let digits = String(bytes[index], radix: 16)
        result += "\\x" + digits
        index += 1
      }
    }
    return result
  }

  /// The byte that an escape stands for which starts at a place of a text: one that is never ASCII, or a backslash.
  private static func escapedByte(_ text: [UInt8], at index: Int) -> UInt8? {
    guard index + 4 <= text.count, text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "x"),
      let high = Character(Unicode.Scalar(text[index + 2])).hexDigitValue,
      let low = Character(Unicode.Scalar(text[index + 3])).hexDigitValue
    else { return nil }
    let byte = UInt8(high << 4 | low)
    return byte >= 0x80 || byte == UInt8(ascii: "\\") ? byte : nil
  }
}
