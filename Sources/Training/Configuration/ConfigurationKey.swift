import Tensors

/// One key of the configuration: its name, type, limits and the property it sets.
///
/// A section's table of these is the only place that binds them; the reader, the writer, the reference of all keys and the
/// comparison on resume all walk it. The default is the property's initial value.
struct ConfigurationKey<Root> {
  /// The name from `Root` down, with dots between sections.
  let path: String
  /// What it is, with its unit, in the words of those who write configurations.
  let meaning: String
  /// What a value must look like.
  let expectation: String
  /// Other keys, also from `Root` down, of which a configuration gives at most one.
  let alternatives: [String]
  /// Whether a run may be resumed with another value: such keys never change what is computed.
  let mayChangeOnResume: Bool
  /// Sets the property; false when the content is not what `expectation` says.
  let assign: (PlacedContent, inout Root) throws -> Bool
  /// The property as YAML; nil when another alternative is in force, or when nothing reads it.
  private(set) var write: (Root) -> String?
  /// Why nothing reads the property beside the other values, so that nobody may state it; nil where it has a meaning.
  private(set) var idleReason: (Root) -> String? = { _ in nil }

  /// A key for a property of any configuration type.
  init<Value: ConfigurationValue>(
    _ name: String, _ meaning: String, _ property: WritableKeyPath<Root, Value>, _ limits: ConfigurationLimits = .none,
    mayChangeOnResume: Bool = false
  ) {
    (path, self.meaning) = (name, meaning)
    expectation = Value.expectation(limits.words)
    alternatives = []
    self.mayChangeOnResume = mayChangeOnResume
    assign = { placed, root in
      guard let value = Value(placed.content), value.numbers.allSatisfy(limits.contains) else { return false }
      root[keyPath: property] = try value.mappingPaths {
        try ConfigurationPath.absolute($0, from: placed.origin)
      }
      return true
    }
    write = { $0[keyPath: property].yaml }
  }

  /// A key that excludes others: the property is nil while another alternative is in force.
  init<Value: ConfigurationValue>(
    _ name: String, _ meaning: String, _ property: WritableKeyPath<Root, Value?>, _ limits: ConfigurationLimits = .none,
    insteadOf alternatives: [String]
  ) {
    (path, self.meaning) = (name, meaning)
    expectation = Value.expectation(limits.words)
    self.alternatives = alternatives
    mayChangeOnResume = false
    assign = { placed, root in
      guard let value = Value(placed.content), value.numbers.allSatisfy(limits.contains) else { return false }
      root[keyPath: property] = value
      return true
    }
    write = { $0[keyPath: property]?.yaml }
  }

  /// A key for the path of a file or directory, made absolute from the place that states it.
  init(
    path name: String, _ meaning: String, _ property: WritableKeyPath<Root, String?>, mayChangeOnResume: Bool = false
  ) {
    (path, self.meaning) = (name, meaning)
    expectation = "a path, or null"
    alternatives = []
    self.mayChangeOnResume = mayChangeOnResume
    assign = { placed, root in
      guard let value = String?(placed.content) else { return false }
      root[keyPath: property] = try value.map { try ConfigurationPath.absolute($0, from: placed.origin) }
      return true
    }
    write = { $0[keyPath: property].yaml }
  }

  private init(
    path: String, meaning: String, expectation: String, alternatives: [String], mayChangeOnResume: Bool,
    assign: @escaping (PlacedContent, inout Root) throws -> Bool, write: @escaping (Root) -> String?
  ) {
    (self.path, self.meaning, self.expectation, self.alternatives) = (path, meaning, expectation, alternatives)
    (self.mayChangeOnResume, self.assign, self.write) = (mayChangeOnResume, assign, write)
  }

  /// The same key, which nothing reads where `reason` gives one: there it is not written, and stating it is an error.
  func idle(_ reason: @escaping (Root) -> String?) -> Self {
    var key = self
    key.idleReason = { [idleReason] in reason($0) ?? idleReason($0) }
    key.write = { reason($0) == nil ? write($0) : nil }
    return key
  }

  /// The keys of a section as keys of the structure that holds it.
  static func section<Section: ConfigurationSection>(
    _ name: String, _ property: WritableKeyPath<Root, Section>
  ) -> [Self] {
    Section.keys.map { key in
      Self(
        path: "\(name).\(key.path)", meaning: key.meaning, expectation: key.expectation,
        alternatives: key.alternatives.map { "\(name).\($0)" }, mayChangeOnResume: key.mayChangeOnResume,
        assign: { try key.assign($0, &$1[keyPath: property]) }, write: { key.write($0[keyPath: property]) }
      ).idle { key.idleReason($0[keyPath: property]) }
    }
  }
}

/// A part of the configuration with a table of its keys.
protocol ConfigurationSection: Equatable, Sendable {
  /// The defaults, which are the published recipe of the model's form.
  init(form: ModelForm)
  /// Every key of the section, in the order in which it is written.
  static var keys: [ConfigurationKey<Self>] { get }
}

/// The numbers that a key allows, with the words that say so.
struct ConfigurationLimits {
  let words: String
  let contains: (Double) -> Bool

  /// Any number.
  static var none: Self { Self(words: "") { _ in true } }

  /// `low` and more.
  static func from(_ low: Double) -> Self { Self(words: " from \(text(low))") { $0 >= low } }

  /// `low` to `high`, both included.
  static func from(_ low: Double, to high: Double) -> Self {
    Self(words: " from \(text(low)) to \(text(high))") { $0 >= low && $0 <= high }
  }

  /// More than `low`.
  static func above(_ low: Double) -> Self { Self(words: " above \(text(low))") { $0 > low } }

  /// More than `low`, at most `high`.
  static func above(_ low: Double, to high: Double) -> Self {
    Self(words: " above \(text(low)) and at most \(text(high))") { $0 > low && $0 <= high }
  }

  private static func text(_ number: Double) -> String {
    number == number.rounded() ? String(Int(number)) : number.description
  }
}
