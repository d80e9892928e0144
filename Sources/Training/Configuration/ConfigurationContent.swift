import Yams

/// What a configuration says for one key, before it is known which type the key wants.
enum ConfigurationContent: Equatable {
  /// A single value; quoted text is never a number, a Boolean or null.
  case scalar(String, isQuoted: Bool)
  /// A list of single values.
  case list([ConfigurationContent])
  /// Anything deeper, which no key accepts.
  case nested

  /// The content of a YAML node.
  init(_ node: Node) {
    switch node {
    case .scalar(let scalar):
      self = .scalar(scalar.string, isQuoted: scalar.style == .singleQuoted || scalar.style == .doubleQuoted)
    case .sequence(let sequence): self = .list(sequence.map { ConfigurationContent($0) })
    case .mapping, .alias: self = .nested
    }
  }

  /// The text of a value that was written without quotes.
  var plain: String? {
    if case .scalar(let text, isQuoted: false) = self { text } else { nil }
  }

  /// The text of a value, quoted or not.
  var text: String? {
    if case .scalar(let text, _) = self { text } else { nil }
  }

  /// Whether a text in it has a zero character.
  var hasZero: Bool {
    switch self {
    case .scalar(let text, _): text.utf8.contains(0)
    case .list(let items): items.contains(where: \.hasZero)
    case .nested: false
    }
  }

  /// How an error message quotes what was found.
  var quotation: String {
    switch self {
    case .scalar("", isQuoted: false): "nothing"
    case .scalar(let text, isQuoted: true): "the text \"\(text)\""
    case .scalar(let text, isQuoted: false): text
    case .list(let items): "[\(items.map(\.quotation).joined(separator: ", "))]"
    case .nested: "a mapping"
    }
  }
}

/// A value together with where it was written.
struct PlacedContent {
  let content: ConfigurationContent
  let origin: ConfigurationOrigin
}

/// Where a value of the configuration was written.
struct ConfigurationOrigin {
  /// What an error message says first: `file.yaml:12` or `--set key=value`.
  let place: String
  /// The directory that relative paths in this place start from.
  let directory: String
  /// The environment variables that paths may name.
  let environment: [String: String]
}
