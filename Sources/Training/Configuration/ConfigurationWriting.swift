extension Configuration {
  /// The complete configuration as YAML, every key with its value, in a fixed order.
  ///
  /// Reading it back gives an equal configuration on any machine: it holds no relative paths and no defaults that
  /// depend on the environment.
  public var yaml: String {
    var text = ""
    var open: [Substring] = []
    for key in Self.keys {
      guard let value = key.write(self) else { continue }
      let parts = key.path.split(separator: ".")
      let sections = Array(parts.dropLast())
      var depth = zip(open, sections).prefix { $0 == $1 }.count
      while depth < sections.count {
        text += String(repeating: "  ", count: depth) + "\(sections[depth]):\n"
        depth += 1
      }
      open = sections
      text += String(repeating: "  ", count: sections.count) + "\(parts[parts.count - 1]): \(value)\n"
    }
    return text
  }

  /// A key whose value differs between two configurations, with both values as YAML.
  public struct Change: Equatable, Sendable {
    /// The key with dots between sections.
    public let key: String
    /// The value before; `none` when another alternative was in force.
    public let before: String
    /// The value after; `none` when another alternative is in force.
    public let after: String
  }

  /// The keys whose values differ from the defaults of the same form and network.
  var changesFromDefaults: [Change] {
    let defaults = Configuration(form: model.form, network: model.name)
    return Self.keys.compactMap { key in
      let (before, after) = (key.write(defaults), key.write(self))
      return before == after ? nil : Change(key: key.path, before: before ?? "none", after: after ?? "none")
    }
  }

  /// The keys that differ from those of the run that is resumed, and that decide what is computed.
  ///
  /// Places of files and how often something is logged or saved may change between a run and its resumption; they are
  /// not listed.
  public func trainingChanges(since run: Configuration) -> [Change] {
    Self.keys.compactMap { key in
      let (before, after) = (key.write(run), key.write(self))
      if key.mayChangeOnResume || before == after { return nil }
      return Change(key: key.path, before: before ?? "none", after: after ?? "none")
    }
  }
}
