/// A JSON value with the order and the repetitions of object keys kept.
///
/// Foundation's decoder keeps the last of two equal keys without a word; a header that names a tensor twice is damaged,
/// so headers are read here.
indirect enum HeaderJSON {
  case object([(key: String, value: HeaderJSON)])
  case array([HeaderJSON])
  case string(String)
  case integer(Int)
  /// A number with a fraction or beyond 64 bits, `true`, `false` or `null`: nowhere allowed in a header.
  case other(String)

  /// What the value is, for messages.
  var kind: String {
    switch self {
    case .object: "an object"
    case .array: "an array"
    case .string(let text): "the string \(quoted(text))"
    case .integer(let number): "the number \(number)"
    case .other(let text): text
    }
  }
}

/// Where and why a header is not JSON.
struct HeaderSyntaxError: Error {
  /// The byte of the header.
  let offset: Int
  let expected: String
  let got: String
}

/// Reads one JSON text from bytes, strictly.
struct HeaderParser {
  private let bytes: [UInt8]
  private var position = 0
  /// Nested values deeper than any header has would only exhaust the stack.
  private static let deepest = 8
  /// What ends a number or a word.
  private static let delimiters = Array(" \t\r\n,:[]{}\"".utf8)

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The value that `bytes` hold, with nothing but white space around it.
  static func parse(_ bytes: [UInt8]) throws(HeaderSyntaxError) -> HeaderJSON {
    var parser = HeaderParser(bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.position < bytes.count { throw parser.failure("the end of the header") }
    return value
  }

  private func failure(_ expected: String) -> HeaderSyntaxError {
    guard position < bytes.count else { return .init(offset: position, expected: expected, got: "its end") }
    let byte = bytes[position]
    let got = (33..<127).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
    return .init(offset: position, expected: expected, got: got)
  }

  private mutating func skipSpace() {
    while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
  }

  /// Skips white space and takes `character` when it comes next.
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(HeaderSyntaxError) -> HeaderJSON {
    if depth > Self.deepest { throw failure("at most \(Self.deepest) nested values") }
    if take("{") { return try object(depth: depth) }
    if take("[") { return try array(depth: depth) }
    if take("\"") { return .string(try string()) }
    return try word()
  }

  private mutating func object(depth: Int) throws(HeaderSyntaxError) -> HeaderJSON {
    var members: [(key: String, value: HeaderJSON)] = []
    if take("}") { return .object(members) }
    while true {
      guard take("\"") else { throw failure("a quoted name") }
      let key = try string()
      guard take(":") else { throw failure("':' after the name \(quoted(key))") }
      members.append((key, try value(depth: depth + 1)))
      if take("}") { return .object(members) }
      guard take(",") else { throw failure("',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(HeaderSyntaxError) -> HeaderJSON {
    var elements: [HeaderJSON] = []
    if take("]") { return .array(elements) }
    while true {
      elements.append(try value(depth: depth + 1))
      if take("]") { return .array(elements) }
      guard take(",") else { throw failure("',' or ']'") }
    }
  }

  /// A number, `true`, `false` or `null`.
  private mutating func word() throws(HeaderSyntaxError) -> HeaderJSON {
    let start = position
    while position < bytes.count, !Self.delimiters.contains(bytes[position]) { position += 1 }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if let number = Int(text), !text.hasPrefix("+") { return .integer(number) }
    if ["true", "false", "null"].contains(text) || Double(text) != nil { return .other(text) }
    position = start
    throw failure("a value")
  }

  /// The rest of a string whose opening quote was taken.
  private mutating func string() throws(HeaderSyntaxError) -> String {
    var content: [UInt8] = []
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let text = String(validating: content, as: UTF8.self) else {
          throw HeaderSyntaxError(offset: start, expected: "UTF-8 text", got: "other bytes")
        }
        return text
      case UInt8(ascii: "\\"):
        position += 1
        content += try escaped()
      case 0..<0x20: throw failure("a closing quote")
      default:
        content.append(byte)
        position += 1
      }
    }
    throw failure("a closing quote")
  }

  /// The UTF-8 bytes of an escape whose backslash was taken.
  private mutating func escaped() throws(HeaderSyntaxError) -> [UInt8] {
    let plain: [UInt8: UInt8] = [
      UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 0x08,
      UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    ]
    guard position < bytes.count else { throw failure("an escaped character") }
    if let byte = plain[bytes[position]] {
      position += 1
      return [byte]
    }
    guard bytes[position] == UInt8(ascii: "u") else { throw failure("an escaped character") }
    var units = [try codeUnit()]
    if UTF16.isLeadSurrogate(units[0]), position < bytes.count, bytes[position] == UInt8(ascii: "\\") {
      position += 1
      units.append(try codeUnit())
    }
    guard let text = String(validating: units, as: UTF16.self) else { throw failure("a whole UTF-16 pair") }
    return Array(text.utf8)
  }

  /// One UTF-16 unit of an escape: the letter `u` and its four hexadecimal digits.
  private mutating func codeUnit() throws(HeaderSyntaxError) -> UInt16 {
    // `UInt16` alone would take a sign for a digit.
    guard position + 5 <= bytes.count, bytes[position] == UInt8(ascii: "u"), bytes[position + 1] != UInt8(ascii: "+"),
      let unit = UInt16(String(decoding: bytes[position + 1..<position + 5], as: UTF8.self), radix: 16)
    else { throw failure("'u' and four hexadecimal digits") }
    position += 5
    return unit
  }
}
