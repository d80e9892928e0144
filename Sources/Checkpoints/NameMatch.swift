import Tensors

/// What of a file fits a model, by name.
public struct NameMatch: Equatable, Sendable {
  /// A tensor of the model and the one of the file that goes there.
  public struct Pair: Equatable, Sendable {
    /// The model's name.
    public let model: String
    /// The file's name.
    public let file: String
  }

  /// A tensor that is on both sides with different shapes.
  public struct Mismatch: Equatable, Sendable {
    /// The model's name.
    public let name: String
    /// The file's name.
    public let file: String
    /// The shape in the model.
    public let expected: [Int]
    /// The shape in the file.
    public let got: [Int]
  }

  /// What can be loaded, in the model's order.
  public internal(set) var loaded: [Pair] = []
  /// Names of the file that the model has no place for; step counters of batch normalisation are not counted.
  public internal(set) var skipped: [String]
  /// Names of the model that the file has nothing for.
  public internal(set) var missing: [String] = []
  /// Tensors on both sides whose shapes differ.
  public internal(set) var mismatched: [Mismatch] = []

  init(skipped: [String]) { self.skipped = skipped }

  /// True when every tensor of the model is loaded and none of the file is left over.
  public var isExact: Bool { skipped.isEmpty && missing.isEmpty && mismatched.isEmpty }

  /// The report in one line, with the first names of each kind.
  public var summary: String {
    func some(_ names: [String], _ what: String) -> String {
      if names.isEmpty { return "" }
      let rest = names.count > 4 ? ", and \(names.count - 4) more" : ""
      return "; \(what) \(names.count) (\(names.prefix(4).joined(separator: ", "))\(rest))"
    }
    let shapes = mismatched.map { "\($0.file): expected \($0.expected), got \($0.got)" }
    return "loaded \(loaded.count)" + some(skipped, "skipped") + some(missing, "missing")
      + some(shapes, "of another shape")
  }

  /// Throws 65, naming the tensors, unless every tensor of the model is loaded; what the file has besides does no harm.
  public func requireComplete(from path: String) throws(InputError) {
    if missing.isEmpty && mismatched.isEmpty { return }
    throw InputError(
      .badData, "\(path): names: expected every tensor of the model, got \(summary); check model.* of the configuration"
    )
  }
}

extension SafetensorsFile {
  /// The names and shapes of all tensors, by ascending place in the file.
  public var namedShapes: [NamedShape] { entries.map { NamedShape($0.name, $0.shape) } }

  /// Pairs the tensors of this file with those of a model.
  public func match(_ model: [NamedShape]) -> NameMatch {
    NameMap.match(file: namedShapes, model: model)
  }
}
