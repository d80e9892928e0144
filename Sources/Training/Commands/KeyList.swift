import Tensors

/// `keys`: what may stand in a configuration.
public struct KeyListRequest: Equatable, Sendable {
  /// Sections or keys that are shown; none is all of them.
  public var names: [String]
  /// Whether it is a page of the documentation.
  public var isMarkdown: Bool

  /// A request.
  public init(names: [String] = [], isMarkdown: Bool = false) {
    (self.names, self.isMarkdown) = (names, isMarkdown)
  }

  /// Shows the keys.
  ///
  /// - Throws: `InputError` with code 64 for a name that is neither a key's nor a section's.
  public func run(_ console: Console) throws {
    let all = ConfigurationReference()
    if isMarkdown {
      guard names.isEmpty else {
        throw InputError(
          .usage, "--markdown: expected no names, as the page has all keys; got \(names.joined(separator: " "))")
      }
      console.say(all.markdown)
      return
    }
    let shown =
      try names.isEmpty
      ? [all]
      : names.map { name in
        guard let found = all.named(name) else {
          throw InputError(.usage, "\(ConfigurationTable.unknown(name, place: "keys"))")
        }
        return found
      }
    console.say(shown.map(\.text).joined(separator: "\n"))
  }
}
