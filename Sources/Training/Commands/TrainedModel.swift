import Checkpoints
import Datasets
import Distributed
import Graph
import Tensors

/// A model with the weights of a checkpoint, ready to be used.
///
/// Where the run kept averages of its weights, they are what a checkpoint set gives.
struct TrainedModel {
  let configuration: Configuration
  let engine: Engine
  let store: ParameterStore
  /// The classes of the weights; nil where the checkpoint does not name them.
  let classes: ExpectedClasses?

  /// Opens a run directory or checkpoint set with the configuration it holds, or a `.safetensors` file with one given.
  ///
  /// - Parameter configuration: makes the configuration, given the text of the one in the checkpoint, if there is one.
  init(checkpoint path: String, configuration: (String?) throws -> Configuration, warn: (String) -> Void) throws {
    let (reference, resolved) = try Self.open(path, configuration: configuration, warn: warn)
    self.init(resolved, classes: try reference.classes())
    try load(reference)
  }

  /// The same on all ranks, of which the first one alone reads the checkpoint; throws the same error on all of them.
  init(
    checkpoint path: String, configuration: (String?) throws -> Configuration, communicator: Communicator,
    warn: (String) -> Void
  ) throws {
    let opened = try communicator.collectively {
      communicator.rank == 0 ? try Self.open(path, configuration: configuration, warn: warn) : nil
    }
    let text = try communicator.broadcast(opened?.configuration.yaml ?? "")
    let named = try communicator.collectively { try opened?.reference.classes() }
    let resolved = try communicator.collectively {
      let resolved = try Configuration(text: text, name: "the first rank's configuration", isResolved: true)
      try resolved.requireRunnable()
      return resolved
    }
    self.init(resolved, classes: try communicator.broadcast(value: named))
    try communicator.collectively {
      if let opened { try load(opened.reference) }
    }
    try communicator.broadcast(store.valueArena)
    try communicator.broadcast(store.frozenArena)
    try communicator.broadcast(store.runningStatistics)
  }

  /// A model whose weights are not set yet.
  private init(_ configuration: Configuration, classes: ExpectedClasses?) {
    (self.configuration, self.classes) = (configuration, classes)
    configuration.planner.instructions.limitLibrary()
    engine = Engine()
    store = Plan(configuration.task.bareGraph, engine: engine, mode: .inference, policy: .direct).parameters
  }

  private func load(_ reference: CheckpointReference) throws {
    try ModelFile.load(reference.model, optimizer: nil, into: store)
    switch reference {
    // Whatever a configuration says that replaces the run's own.
    case .set(let set): try ModelFile.loadAverages(set.optimizer, into: store)
    case .weights: break
    }
  }

  /// What to say where classes have to be matched by position; `path` is the checkpoint's.
  func warningOfClasses(_ path: String) -> String? {
    classes == nil && configuration.data.kind.classesAreOfData ? ExpectedClasses.unnamed(in: path) : nil
  }

  private static func open(
    _ path: String, configuration: (String?) throws -> Configuration, warn: (String) -> Void
  ) throws -> (reference: CheckpointReference, configuration: Configuration) {
    let reference = try CheckpointReference.resolve(path, warn: warn)
    let resolved: Configuration
    switch reference {
    case .set(let set): resolved = try configuration(set.state.configuration)
    case .weights: resolved = try configuration(nil)
    }
    try resolved.requireRunnable()
    return (reference, resolved)
  }
}

/// Where the configuration of a trained model comes from.
public struct CheckpointConfiguration: Sendable {
  /// The file of `--config`, which replaces the one in the checkpoint.
  public var file: String?
  /// The values of `--set`.
  public var overrides: [String]

  /// A source.
  public init(file: String?, overrides: [String]) { (self.file, self.overrides) = (file, overrides) }

  /// The configuration, given the one in the checkpoint.
  func resolve(_ saved: String?) throws -> Configuration {
    if let file { return try Configuration(file: file, overrides: overrides) }
    guard let saved else {
      throw InputError(
        .badConfiguration,
        "--checkpoint names a .safetensors file, which holds no configuration; give one with --config")
    }
    return try Configuration(text: saved, name: "state.json of the checkpoint", isResolved: true, overrides: overrides)
  }
}
