import Tensors

/// What can be wrong with a configuration; the wording of every message is in this file.
public enum ConfigurationError: UserError, Equatable {
  /// The file cannot be read.
  case unreadable(file: String, reason: String)
  /// The text is not YAML.
  case notYAML(place: String, problem: String)
  /// A file or section that holds something else than keys.
  case notASection(place: String, key: String, got: String)
  /// A key that does not exist; `known` are the keys of its section.
  case unknownKey(place: String, key: String, nearest: String?, known: [String])
  /// A key below one that is a single value.
  case insideValue(place: String, key: String, value: String)
  /// A value of the wrong type or outside its limits.
  case wrongValue(place: String, key: String, expected: String, got: String)
  /// Two keys of which only one may be given.
  case alternatives(place: String, key: String, other: String)
  /// An environment variable in a path that is not set.
  case unsetVariable(place: String, key: String, name: String)
  /// Files that are each other's base.
  case circularBase(place: String, chain: [String])
  /// An argument of `--set` that is not `key.path=value`.
  case badOverride(text: String)
  /// Values that are each allowed, but not together or not for this machine.
  case impossible(place: String, key: String, reason: String)

  /// 66 for a file that is not there, else 78.
  public var exitCode: ExitCode {
    switch self {
    case .unreadable: .missingFile
    case .notYAML, .notASection, .unknownKey, .insideValue, .wrongValue, .alternatives, .unsetVariable, .circularBase,
      .badOverride,
      .impossible:
      .badConfiguration
    }
  }

  /// The message: place, key, what was expected, what was found, what to do.
  public var description: String { shown(message) }

  private var message: String {
    switch self {
    case .unreadable(let file, let reason): "\(file): cannot read the configuration: \(reason)"
    case .notYAML(let place, let problem): "\(place): not valid YAML: \(problem)"
    case .notASection(let place, "", let got): "\(place): expected keys such as \"model:\", got \(got)"
    case .notASection(let place, let key, let got):
      "\(place): \(key): expected a section with keys of its own, got \(got)"
    case .unknownKey(let place, let key, let nearest?, _): "\(place): \(key): unknown key; did you mean \"\(nearest)\"?"
    case .unknownKey(let place, let key, nil, let known):
      "\(place): \(key): unknown key; known here: \(known.joined(separator: ", "))"
    case .insideValue(let place, let key, let value):
      "\(place): \(key): unknown key; \(value) is a single value: set that"
    case .wrongValue(let place, let key, let expected, let got): "\(place): \(key): expected \(expected); got \(got)"
    case .alternatives(let place, let key, let other): "\(place): \(key): give either this or \(other), not both"
    case .unsetVariable(let place, let key, let name):
      "\(place): \(key): the environment variable \(name) is not set; set it, or give the path with --set \(key)=PATH"
    case .circularBase(let place, let chain):
      "\(place): base: the files are each other's base: \(chain.joined(separator: " -> ")); remove one \"base\""
    case .badOverride(let text): "--set \(text): expected key.path=value, for example --set dropblock.block_size=5"
    case .impossible(let place, let key, let reason): "\(place): \(key): \(reason)"
    }
  }
}
