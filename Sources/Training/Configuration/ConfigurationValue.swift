/// A type that a key of the configuration can have.
protocol ConfigurationValue: Equatable {
  /// What an error message expects, with the key's limits put in where they belong.
  static func expectation(_ limits: String) -> String
  /// The value that the text means; nil when it means none of this type.
  init?(_ content: ConfigurationContent)
  /// The value as YAML that reads back as the same value.
  var yaml: String { get }
  /// The numbers that the key's limits apply to.
  var numbers: [Double] { get }
  /// The value with the paths in it made absolute.
  func mappingPaths(_ absolute: (String) throws -> String) rethrows -> Self
}

extension ConfigurationValue {
  var numbers: [Double] { [] }
  func mappingPaths(_ absolute: (String) throws -> String) rethrows -> Self { self }
}

extension Bool: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "true or false" }

  init?(_ content: ConfigurationContent) {
    switch content.plain {
    case "true": self = true
    case "false": self = false
    default: return nil
    }
  }

  var yaml: String { description }
}

extension Int: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "a whole number\(limits)" }

  init?(_ content: ConfigurationContent) {
    guard let text = content.plain, let value = Int(text) else { return nil }
    self = value
  }

  var yaml: String { description }
  var numbers: [Double] { [Double(self)] }
}

extension UInt64: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "a whole number from 0 to \(UInt64.max)" }

  init?(_ content: ConfigurationContent) {
    guard let text = content.plain, let value = UInt64(text) else { return nil }
    self = value
  }

  var yaml: String { description }
}

extension Double: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "a number\(limits)" }

  init?(_ content: ConfigurationContent) {
    guard let text = content.plain, let value = Double(text), value.isFinite else { return nil }
    self = value
  }

  var yaml: String { description }
  var numbers: [Double] { [self] }
}

extension String: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "text" }

  init?(_ content: ConfigurationContent) {
    guard let text = content.text, !text.isEmpty else { return nil }
    self = text
  }

  /// Plain where that is safe, else quoted with escapes.
  var yaml: String {
    let isPlain = utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "-"):
        true
      default: false
      }
    }
    let first = utf8.first.map { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 || $0 == UInt8(ascii: "-") } ?? true
    let isWord = ["true", "false", "null", "yes", "no", "on", "off"].contains(lowercased())
    if isPlain && !first && !isWord { return self }
    var quoted = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      case "\r": quoted += "\\r"
      case "\u{20}"..."\u{7E}", "\u{A0}"..."\u{2027}", "\u{202A}"..."\u{FEFE}", "\u{FF00}"..."\u{FFFD}", "\u{10000}"...:
        quoted.unicodeScalars.append(scalar)
      default:
        // Control characters, separators of lines and marks of byte order are part of a text only as escapes.
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return quoted + "\""
  }
}

extension Optional: ConfigurationValue where Wrapped: ConfigurationValue {
  static func expectation(_ limits: String) -> String { Wrapped.expectation(limits) + ", or null" }

  init?(_ content: ConfigurationContent) {
    switch content.plain {
    case "null", "~", "": self = .none
    default:
      guard let value = Wrapped(content) else { return nil }
      self = .some(value)
    }
  }

  var yaml: String { map(\.yaml) ?? "null" }
  var numbers: [Double] { map(\.numbers) ?? [] }
  func mappingPaths(_ absolute: (String) throws -> String) rethrows -> Self {
    try map { try $0.mappingPaths(absolute) }
  }
}

extension Array: ConfigurationValue where Element: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "a list in brackets, each item \(Element.expectation(limits))" }

  init?(_ content: ConfigurationContent) {
    guard case .list(let items) = content else { return nil }
    var values: [Element] = []
    for item in items {
      guard let value = Element(item) else { return nil }
      values.append(value)
    }
    self = values
  }

  var yaml: String { "[\(map(\.yaml).joined(separator: ", "))]" }
  var numbers: [Double] { flatMap(\.numbers) }
}

/// A value that is one of a few words.
protocol ConfigurationChoice: ConfigurationValue, RawRepresentable<String>, CaseIterable {}

extension ConfigurationChoice {
  static func expectation(_ limits: String) -> String {
    let words = allCases.map(\.rawValue)
    return words.count == 1 ? words[0] : words.dropLast().joined(separator: ", ") + " or " + words[words.count - 1]
  }

  init?(_ content: ConfigurationContent) {
    guard let text = content.text, let value = Self(rawValue: text) else { return nil }
    self = value
  }

  var yaml: String { rawValue }
}
