/// What may stand in a configuration: every key with its meaning, values, defaults and readers.
public struct ConfigurationReference: Sendable {
  /// A key as people look it up.
  struct Entry: Sendable {
    /// The name with dots between sections.
    let key: String
    /// What it is, with its unit.
    let meaning: String
    /// What a value must look like, with its range.
    let values: String
    /// The value of a key that is not stated, with the models that have another one.
    let defaults: String
    /// The models that read it, in words; nil for all.
    let readers: String?
    /// Whether a run may go on with another value.
    let mayChangeOnResume: Bool
  }

  /// The keys in the order in which a configuration is written.
  let entries: [Entry]

  /// All keys.
  public init() {
    let base = Entry(
      key: "base", meaning: "A file whose values are taken first, after those of its own base.", values: "a path",
      defaults: "none", readers: nil, mayChangeOnResume: true)
    entries =
      [base]
      + Configuration.keys.map { key in
        Entry(
          key: key.path, meaning: key.meaning, values: key.expectation, defaults: Self.defaults(of: key),
          readers: Self.readers(of: key), mayChangeOnResume: key.mayChangeOnResume)
      }
  }

  private init(_ entries: [Entry]) { self.entries = entries }

  /// The keys of a section, or the key itself; nil where nothing has this name.
  func named(_ name: String) -> Self? {
    let found = entries.filter { $0.key == name || $0.key.hasPrefix("\(name).") }
    return found.isEmpty ? nil : Self(found)
  }

  /// Configurations whose defaults differ, with the words for them; the first is what a configuration is by itself.
  private static let forms: [(words: String, configuration: Configuration)] = [
    ("retinanet", Configuration()), ("torchvision's form", Configuration(form: .torchvision)),
    ("segmentation", Configuration(network: .segmentation)), ("resnet", Configuration(network: .resNet)),
    ("amoebanet", Configuration(network: .amoebaNet)), ("the study's networks", Configuration(network: .customNet)),
  ]

  /// The default, and behind it those that other models have in its place.
  private static func defaults(of key: ConfigurationKey<Configuration>) -> String {
    let reading = forms.filter { key.idleReason($0.configuration) == nil }
    let stated = reading.map { (words: $0.words, value: key.write($0.configuration) ?? "none") }
    let values = stated.map(\.value).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    // These two are what the words speak of.
    if ["model.name", "model.form"].contains(key.path) { return values[0] }
    let others = values.dropFirst().map { value in
      let models = stated.filter { $0.value == value }.map(\.words).joined(separator: ", ")
      return "\(value) (\(models))"
    }
    return ([values[0]] + others).joined(separator: ", ")
  }

  private static func readers(of key: ConfigurationKey<Configuration>) -> String? {
    let models = Configuration.ModelName.allCases
    let reading = models.filter { key.idleReason(Configuration(network: $0)) == nil }
    if reading.count == models.count { return nil }
    let parts = Configuration.TaskKind.allCases.flatMap { task in
      let (all, some) = (models.filter { $0.task == task }, reading.filter { $0.task == task })
      return some.count == all.count ? ["\(task.rawValue)s"] : some.map(\.rawValue)
    }
    return parts.joined(separator: ", ")
  }
}

extension ConfigurationReference.Entry {
  /// The section: all of the key but its last part; empty for keys outside of sections.
  fileprivate var section: String { key.split(separator: ".").dropLast().joined(separator: ".") }

  /// The key, its values, default, readers and whether a resumed run may change it, and below it the meaning.
  fileprivate var paragraph: String {
    let remarks = [readers.map { "of \($0)" }, mayChangeOnResume ? "may change on resume" : nil].compactMap { $0 }
    return (["\(key): \(values)", "default \(defaults)"] + remarks).joined(separator: "; ") + "\n    \(meaning)"
  }

  /// The row of a table of keys, meanings, values and defaults.
  fileprivate var row: String {
    let remarks = [readers.map { "Of \($0)." }, mayChangeOnResume ? "(resume)" : nil].compactMap { $0 }
    return "| `\(key)` | \(([meaning] + remarks).joined(separator: " ")) | \(values) | \(defaults) |"
  }
}

extension ConfigurationReference {
  /// The keys for a terminal: a line with values and default each, and their meaning below it.
  var text: String { entries.map(\.paragraph).joined(separator: "\n") }

  /// The keys as a page of the documentation: a table for each section.
  var markdown: String {
    let sections = entries.map(\.section).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    let tables = sections.map { section in
      let title = section.isEmpty ? "The run" : section
      let head = ["## \(title)", "", "| key | meaning | values | default |", "|---|---|---|---|"]
      return (head + entries.filter { $0.section == section }.map(\.row)).joined(separator: "\n")
    }
    return ([Self.introduction] + tables).joined(separator: "\n\n")
  }

  private static let introduction = """
    # Configuration keys

    Every key of a configuration with its meaning, unit, values and default, as `dropblock-dist keys --markdown` writes it.

    ## Overview

    A configuration is YAML, its sections are the parts of a key: `batch.per_rank` is `per_rank` below `batch:`. `base: FILE` takes
    another file's values first; `--set KEY=VALUE` on the command line comes last. A key that is not stated has its default, which
    follows `model.form` and `model.name` where the table says so. A key that nothing reads beside the model is an error,
    and so is a misspelt one. Paths begin at the file that states them, with `--set` at the working directory; `$NAME` at their start
    is a variable of the environment.

    "Of" names the models that read a key, where not all do. Keys marked "(resume)" may change when a run goes on.
    """
}
