import Distributed
import Foundation

extension Configuration {
  /// The configuration of a YAML file, of its `base` and of single values given besides.
  ///
  /// Later statements win: the base, the file, then `overrides` in their order. Relative paths start at the file that
  /// states them, those in `overrides` at the working directory.
  /// - Parameters:
  ///   - overrides: values as `key.path=value`, as `--set` takes them.
  ///   - environment: what `$NAME` at the start of a path is looked up in.
  /// - Throws: `ConfigurationError` for everything that is wrong with it.
  public init(
    file: String, overrides: [String] = [], environment: [String: String] = processEnvironment()
  ) throws {
    try self.init(
      layers: ConfigurationLayer.layers(ofFile: file, environment: environment), overrides: overrides,
      name: ConfigurationPath.stem(of: file), environment: environment)
  }

  /// The configuration of a YAML text, for example one that a checkpoint holds.
  ///
  /// - Parameters:
  ///   - text: YAML without `base`.
  ///   - name: what messages call the text, and the run's name unless the text gives one.
  ///   - isResolved: whether a run wrote the text, with every value: of those some may be such as nothing reads any more.
  ///   - directory: where relative paths in the text start.
  ///   - overrides: values as `key.path=value`, as `--set` takes them.
  ///   - environment: what `$NAME` at the start of a path is looked up in.
  /// - Throws: `ConfigurationError` for everything that is wrong with it.
  public init(
    text: String, name: String, isResolved: Bool = false, directory: String = ".", overrides: [String] = [],
    environment: [String: String] = processEnvironment()
  ) throws {
    let layer = try ConfigurationLayer(text: text, name: name, directory: directory, environment: environment)
    try self.init(
      layers: [layer], overrides: overrides, name: name, environment: environment,
      mayBeIdle: isResolved ? Set(layer.values.keys) : [])
  }

  private init(
    layers: [ConfigurationLayer], overrides: [String], name: String, environment: [String: String],
    mayBeIdle: Set<String> = []
  ) throws {
    let overriding = try overrides.map { try ConfigurationLayer(override: $0, environment: environment) }
    let merged = try Self.merge(layers + overriding)
    let mayBeIdle = mayBeIdle.union(Self.keysOfEarlierModels(layers + overriding))
      .subtracting(overriding.flatMap(\.values.keys))
    // The form and the network come first because the other defaults follow them.
    var model = Model(form: .paper)
    for key in Model.keys where ["form", "name"].contains(key.path) {
      if let placed = merged["model.\(key.path)"] { _ = try key.assign(placed, &model) }
    }
    self.init(form: model.form, network: model.name)
    self.name = name
    for key in Self.keys {
      guard let placed = merged[key.path] else { continue }
      if placed.content.hasZero {
        throw ConfigurationError.impossible(
          place: placed.origin.place, key: key.path,
          reason: "has a zero character, at which the system would cut a name or path; remove it")
      }
      do {
        guard try key.assign(placed, &self) else {
          throw ConfigurationError.wrongValue(
            place: placed.origin.place, key: key.path, expected: key.expectation, got: placed.content.quotation)
        }
      } catch let variable as UnsetVariable {
        throw ConfigurationError.unsetVariable(place: placed.origin.place, key: key.path, name: variable.name)
      }
    }
    for key in Self.keys {
      if let placed = merged[key.path], !mayBeIdle.contains(key.path), let reason = key.idleReason(self) {
        throw ConfigurationError.impossible(place: placed.origin.place, key: key.path, reason: reason)
      }
    }
    if merged["dropblock.groups"] == nil { turnOffUnstatedDropBlock() }
    places = StatedPlaces(source: name, merged.mapValues(\.origin.place))
    try checkRules()
  }

  /// Keys that are stated for another model: only before the last layer that states `model.name`, such as in a base.
  private static func keysOfEarlierModels(_ layers: [ConfigurationLayer]) -> Set<String> {
    guard let last = layers.lastIndex(where: { $0.values["model.name"] != nil }) else { return [] }
    return Set(layers[..<last].flatMap(\.values.keys)).subtracting(layers[last...].flatMap(\.values.keys))
  }

  /// The value of each key that is stated, the last statement winning.
  private static func merge(_ layers: [ConfigurationLayer]) throws -> [String: PlacedContent] {
    let table = Dictionary(uniqueKeysWithValues: keys.map { ($0.path, $0.alternatives) })
    var merged: [String: PlacedContent] = [:]
    for layer in layers {
      for path in layer.order {
        guard let placed = layer.values[path] else { continue }
        guard let alternatives = table[path] else {
          if ConfigurationTable.isSection(path) {
            throw ConfigurationError.notASection(
              place: placed.origin.place, key: path, got: placed.content.quotation)
          }
          throw ConfigurationTable.unknown(path, place: placed.origin.place)
        }
        for alternative in alternatives {
          if layer.values[alternative] != nil {
            throw ConfigurationError.alternatives(place: placed.origin.place, key: path, other: alternative)
          }
          merged[alternative] = nil
        }
        merged[path] = placed
      }
    }
    return merged
  }
}
