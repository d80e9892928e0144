import Datasets
import Distributed
import Foundation
import Graph
import Tensors

/// The convolution algorithms of a run: from a plan file, from the cache, or timed now by rank 0 for all ranks.
struct PlanChoices {
  let precision: Precision
  let policy: AlgorithmPolicy
  let known: AlgorithmChoices
  /// Where rank 0 keeps timed choices, keyed by everything that they depend on; nil when nothing is timed.
  let cacheFile: String?

  /// The choices that a configuration asks for, those of a resumed run first.
  ///
  /// - Parameter timesAll: whether nothing is known beforehand, so that every method is timed.
  init(
    _ configuration: Configuration, threads: Int, resumed: AlgorithmChoices?, timesAll: Bool = false
  ) throws {
    precision = configuration.precision
    switch configuration.planner.algorithms {
    case .direct: (policy, known, cacheFile) = (.direct, AlgorithmChoices(), nil)
    case .file(let path):
      (policy, known, cacheFile) = (.timed, try Self.read(path), nil)
    case .timed:
      policy = .timed
      try CacheDirectory.requireTrusted(CacheDirectory.path())
      let file = Self.cacheFile(threads: threads, precision: configuration.precision)
      cacheFile = file
      // A damaged cache file is as good as none: timing fills it again.
      known = timesAll ? AlgorithmChoices() : resumed ?? (try? Self.read(file)) ?? AlgorithmChoices()
    }
  }

  /// Plans a graph on every rank with the same algorithms: rank 0 chooses, the others follow.
  func plan(_ graph: Graph, engine: Engine, communicator: Communicator) throws -> Plan {
    let plan: Plan
    if communicator.rank == 0 {
      plan = Plan(graph, engine: engine, mode: .training, precision: precision, policy: policy, choices: known)
      _ = try communicator.broadcast(value: plan.choices)
      keep(plan.choices)
    } else {
      let choices = try communicator.broadcast(value: AlgorithmChoices())
      plan = Plan(graph, engine: engine, mode: .training, precision: precision, policy: .direct, choices: choices)
    }
    try communicator.requireEqualFingerprints([("plan", plan.fingerprint)])
    return plan
  }

  private func keep(_ choices: AlgorithmChoices) {
    guard let cacheFile else { return }
    // Other runs may have added theirs, and a resumed run has known only its own.
    let cached = (try? Self.read(cacheFile)) ?? AlgorithmChoices()
    let all = cached.choices.merging(choices.choices) { old, _ in old }
    if all == cached.choices { return }
    // The cache only saves time: a run goes on without it.
    try? CacheDirectory.create(CacheDirectory.path())
    try? RunDirectory.replace(cacheFile, with: Self.text(AlgorithmChoices(all)))
  }

  /// The choices as JSON with sorted keys.
  static func text(_ choices: AlgorithmChoices) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    return (try? encoder.encode(choices)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
  }

  /// The choices of a plan file; throws 66 when it is missing and 65 when it is none.
  static func read(_ path: String) throws -> AlgorithmChoices {
    var bytes: [UInt8] = []
    do {
      try readFile(path, into: &bytes)
    } catch let error as InputError {
      throw InputError(error.exitCode, "\(error), the plan file of planner.algorithms")
    }
    guard let choices = try? JSONDecoder().decode(AlgorithmChoices.self, from: Data(bytes)) else {
      throw InputError(
        .badData,
        "\(path): expected a plan file of this version, as runs leave it in the cache as algorithms-....json; name one, or "
          + "set planner.algorithms to timed")
    }
    return choices
  }

  private static func cacheFile(threads: Int, precision: Precision) -> String {
    let processor = cpuModel().map { $0.isLetter || $0.isNumber ? $0 : "-" }
    // The library may be limited to older instructions than the processor has, and so may this program's own code.
    let instructions = Engine.instructionSet.filter { $0.isLetter || $0.isNumber } + "-\(Engine.registerFloats)"
    let libraries = "\(AlgorithmChoices.version)-onednn-\(Engine.libraryVersion)-\(instructions)"
    return CacheDirectory.path()
      + "/algorithms-\(libraries)-\(String(processor))-\(threads)t-\(precision.rawValue).json"
  }
}
