/// Tells what the bytes of a text file are when they are not UTF-8.
public enum TextEncoding {
  /// The bytes that may stand before a text in UTF-8 and mean nothing.
  public static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

  /// The first bytes of files that are no text in UTF-8, in an order in which the first that fits is the right one.
  private static let starts: [(bytes: [UInt8], name: String, remedy: String)] = [
    ([0xff, 0xfe, 0, 0], "UTF-32", convert("utf-32")), ([0, 0, 0xfe, 0xff], "UTF-32", convert("utf-32")),
    ([0xff, 0xfe], "UTF-16", convert("utf-16")), ([0xfe, 0xff], "UTF-16", convert("utf-16")),
    ([0x1f, 0x8b], "a file compressed with gzip", "unpack it with gunzip"),
    ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "a file compressed with xz", "unpack it with unxz"),
    ([0x42, 0x5a, 0x68], "a file compressed with bzip2", "unpack it with bunzip2"),
    ([0x28, 0xb5, 0x2f, 0xfd], "a file compressed with zstd", "unpack it with unzstd"),
    ([0x50, 0x4b, 3, 4], "a zip archive", "unpack it with unzip"),
  ]

  /// What the first bytes of a file say against text in UTF-8, with what to do about it; nil where they say nothing.
  ///
  /// - Parameter start: the first bytes of the file, at least six where it has them.
  public static func fault(ofStart start: some Collection<UInt8>) -> String? {
    if let known = starts.first(where: { start.starts(with: $0.bytes) }) {
      return "byte 0: expected text in UTF-8, got \(known.name); \(known.remedy)"
    }
    // Text starts with letters of one byte in UTF-8, whose other bytes are zero in the wider encodings.
    let wide: String
    switch start.prefix(4).map({ $0 == 0 }) {
    case [true, true, true, true]: return "byte 0: expected text in UTF-8, got zeros; fetch or write the file again"
    case [true, true, true, false]: wide = "utf-32be"
    case [false, true, true, true]: wide = "utf-32le"
    case [true, false, true, false], [true, false]: wide = "utf-16be"
    case [false, true, false, true], [false, true]: wide = "utf-16le"
    default: return nil
    }
    return "byte 0: expected text in UTF-8, got \(wide.uppercased()); \(convert(wide))"
  }

  /// Where and how bytes fail to be text in UTF-8, with what to do about it; nil where they are such text.
  public static func fault(in bytes: UnsafeRawBufferPointer) -> String? {
    if let fault = fault(ofStart: bytes.prefix(8)) { return fault }
    guard let place = firstInvalidByte(of: bytes) else { return nil }
    let byte = bytes[place]
    let code = (byte < 16 ? "0" : "") + String(byte, radix: 16)
    // Windows puts quotation marks and dashes where Latin-1 has control codes that no text holds.
    let likely = byte < 0xa0 ? "windows-1252" : "latin1"
    return "byte \(place): expected text in UTF-8, got the byte \(code), as in "
      + "\(byte < 0xa0 ? "Windows-1252" : "Latin-1"); if the file is in that encoding, \(convert(likely))"
  }

  /// The position of the first byte that belongs to no character.
  private static func firstInvalidByte(of bytes: UnsafeRawBufferPointer) -> Int? {
    var parser = Unicode.UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var place = 0
    while true {
      switch parser.parseScalar(from: &rest) {
      case .valid(let character): place += character.count
      case .error: return place
      case .emptyInput: return nil
      }
    }
  }

  private static func convert(_ encoding: String) -> String {
    "convert it with iconv -f \(encoding) -t utf-8 FILE"
  }
}
