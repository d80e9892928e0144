import Foundation
import Tensors
import Yams

/// The values that one file, or one `--set`, states.
struct ConfigurationLayer {
  /// The stated values by their key, with dots between sections.
  var values: [String: PlacedContent] = [:]
  /// The stated keys in the order of the text.
  var order: [String] = []

  /// The layers of a file: its base's first, its own last.
  static func layers(
    ofFile file: String, environment: [String: String], from stated: ConfigurationOrigin? = nil, chain: [String] = []
  ) throws -> [Self] {
    let identity = ConfigurationPath.absolute(file, in: ".")
    if chain.contains(identity) {
      throw ConfigurationError.circularBase(
        place: stated?.place ?? file, chain: (chain + [identity]).map { ConfigurationPath.stem(of: $0) })
    }
    let text = try text(ofFile: file, from: stated)
    let directory = ConfigurationPath.directory(of: file)
    var layer = try Self(text: text, name: file, directory: directory, environment: environment)
    guard let base = layer.values.removeValue(forKey: "base") else { return [layer] }
    layer.order.removeAll { $0 == "base" }
    guard let path = base.content.text, !path.isEmpty else {
      throw ConfigurationError.wrongValue(
        place: base.origin.place, key: "base", expected: "the path of a configuration file",
        got: base.content.quotation)
    }
    let baseFile = path.hasPrefix("/") || directory == "." ? path : "\(directory)/\(path)"
    return try layers(ofFile: baseFile, environment: environment, from: base.origin, chain: chain + [identity]) + [
      layer
    ]
  }

  /// The text of a file, without a byte-order mark.
  private static func text(ofFile file: String, from stated: ConfigurationOrigin?) throws -> String {
    let bytes: Data
    do {
      bytes = try Data(contentsOf: URL(fileURLWithPath: file))
    } catch {
      let reason = FileManager.default.fileExists(atPath: file) ? "it is not a readable file" : "no such file"
      throw ConfigurationError.unreadable(file: stated.map { "\($0.place): base: \(file)" } ?? file, reason: reason)
    }
    if let fault = bytes.withUnsafeBytes({ TextEncoding.fault(in: $0) }) {
      throw ConfigurationError.notYAML(place: file, problem: fault)
    }
    let mark = TextEncoding.byteOrderMark
    return String(decoding: bytes.starts(with: mark) ? bytes.dropFirst(mark.count) : bytes, as: UTF8.self)
  }

  /// The values of a YAML text; `name` is what messages call it.
  init(text: String, name: String, directory: String, environment: [String: String]) throws {
    let root = try Self.compose(text, name: name)
    switch root {
    case nil: return
    case .mapping(let mapping)?:
      try collect(
        mapping, under: "",
        origin: { ConfigurationOrigin(place: $0, directory: directory, environment: environment) }, name: name)
    case .scalar(let scalar)? where scalar.string.isEmpty: return
    case .scalar?, .sequence?, .alias?:
      throw ConfigurationError.notASection(
        place: name, key: "", got: root.map { ConfigurationContent($0).quotation } ?? "nothing")
    }
  }

  /// The value of one `--set key.path=value`.
  init(override text: String, environment: [String: String]) throws {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw ConfigurationError.badOverride(text: text)
    }
    let key = String(text[..<equals])
    let place = "--set \(text)"
    let node = try Self.compose(String(text[text.index(after: equals)...]), name: place)
    values[key] = PlacedContent(
      content: node.map { ConfigurationContent($0) } ?? .scalar("", isQuoted: false),
      origin: ConfigurationOrigin(place: place, directory: ".", environment: environment))
    order = [key]
  }

  private mutating func collect(
    _ mapping: Node.Mapping, under prefix: String, origin: (String) -> ConfigurationOrigin, name: String
  ) throws {
    for (keyNode, node) in mapping {
      let place = keyNode.mark.map { "\(name):\($0.line)" } ?? name
      let key = prefix + (keyNode.scalar?.string ?? ConfigurationContent(keyNode).quotation)
      switch node {
      case .mapping(let inner) where ConfigurationTable.isSection(key):
        try collect(inner, under: key + ".", origin: origin, name: name)
      case .scalar(let scalar) where scalar.string.isEmpty && ConfigurationTable.isSection(key):
        continue  // A section whose keys are all commented out.
      case .mapping, .scalar, .sequence, .alias:
        values[key] = PlacedContent(
          content: ConfigurationContent(node), origin: origin(place))
        order.append(key)
      }
    }
  }

  /// The most aliases (`*name`) of a text: with more, a few lines can stand for billions of values.
  private static let mostAliases = 16

  /// The tree of a YAML text, nil for an empty one.
  private static func compose(_ text: String, name: String) throws -> Node? {
    var (aliases, previous) = (0, UInt8(ascii: " "))
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      let starts = byte == UInt8(ascii: "*") && " \t\r\n[{,:?-".utf8.contains(previous)
      if starts, let next = rest.first, !" \t\r\n".utf8.contains(next) { aliases += 1 }
      previous = byte
    }
    if aliases > mostAliases {
      throw ConfigurationError.notYAML(
        place: name, problem: "expected at most \(mostAliases) aliases such as *name, got \(aliases)")
    }
    do {
      return try Yams.compose(yaml: text)
    } catch {
      throw notYAML(error, name: name)
    }
  }

  private static func notYAML(_ error: any Error, name: String) -> ConfigurationError {
    guard let error = error as? YamlError else { return .notYAML(place: name, problem: "\(error)") }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
      return .notYAML(place: "\(name):\(mark.line)", problem: problem)
    case .composer(let context, let problem, let mark, _):
      // The problem only goes on with the sentence of the context.
      return .notYAML(place: "\(name):\(mark.line)", problem: context.map { "\($0.text), \(problem)" } ?? problem)
    case .duplicatedKeysInMapping(let duplicates, let context):
      return .notYAML(
        place: "\(name):\(context.mark.line)",
        problem: "the key \(duplicates.sorted().joined(separator: ", ")) is repeated")
    case .reader(let problem, _, _, _): return .notYAML(place: name, problem: problem)
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      return .notYAML(place: name, problem: "\(error)")
    }
  }
}
