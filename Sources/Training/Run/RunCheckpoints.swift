import Checkpoints
import Datasets
import Distributed
import Foundation
import Graph
import Tensors

/// Saves and restores a run: rank 0 reads and writes, the others get its state by broadcast.
///
/// A set is copied between two steps and written while the next ones run. At most one is under way: the next `save` and
/// `finish` wait for it.
final class RunCheckpoints {
  private let store: CheckpointStore
  private let writer: CheckpointWriter
  private let output: RunOutput
  private let communicator: Communicator
  private let configuration: Configuration
  private var best: (metric: Double, step: Int)?

  init(directory: RunDirectory, communicator: Communicator, configuration: Configuration, output: RunOutput) {
    store = CheckpointStore(runDirectory: directory.path)
    writer = CheckpointWriter(store)
    self.output = output
    (self.communicator, self.configuration) = (communicator, configuration)
  }

  /// Where a run starts.
  struct Start {
    /// Steps done.
    var step = 0
    /// The algorithms of the resumed run.
    var algorithms: AlgorithmChoices?
    /// Whether the model of the resumed run was evaluated as it was saved.
    var isEvaluated = false
    /// Steps that were skipped because a loss was not finite.
    var skippedSteps = 0
    /// The set to read; on rank 0 of a resumed run only.
    var set: CheckpointSet?
  }

  /// Finds the checkpoint to start from and makes sure that it belongs to this run.
  ///
  /// Throws 65 for a damaged one, 78 when a key that decides what is computed has changed.
  func find(_ resume: TrainingRun.Resume, warn: (String) -> Void) throws -> Start {
    let found = try communicator.collectively {
      communicator.rank == 0 ? try open(resume, warn: warn) : nil
    }
    var start = Start(set: found)
    let facts = ResumeFacts(
      step: found?.state.step ?? 0, algorithms: found?.state.extra[Self.algorithmsKey],
      isEvaluated: found?.state.metric != nil,
      skippedSteps: found?.state.extra[Self.skippedStepsKey].flatMap { Int($0) } ?? 0,
      bestMetric: found?.state.bestMetric, bestStep: found?.state.bestStep)
    let agreed = try communicator.broadcast(value: facts)
    (start.step, start.skippedSteps, start.isEvaluated) = (agreed.step, agreed.skippedSteps, agreed.isEvaluated)
    start.algorithms = agreed.algorithms.flatMap {
      try? JSONDecoder().decode(AlgorithmChoices.self, from: Data($0.utf8))
    }
    if let metric = agreed.bestMetric, let step = agreed.bestStep { best = (metric, step) }
    return start
  }

  private struct ResumeFacts: Codable {
    var step: Int
    var algorithms: String?
    var isEvaluated: Bool
    var skippedSteps: Int
    var bestMetric: Double?
    var bestStep: Int?
  }

  private static let algorithmsKey = "algorithms"
  private static let skippedStepsKey = "skipped_steps"

  private func open(_ resume: TrainingRun.Resume, warn: (String) -> Void) throws -> CheckpointSet? {
    let set: CheckpointSet
    switch resume {
    case .never: return nil
    case .automatic:
      guard let latest = try store.openLatest(warn: warn) else { return nil }
      set = latest
    case .path(let path):
      switch try CheckpointReference.resolve(path, warn: warn) {
      case .set(let found): set = found
      case .weights(let file):
        throw InputError(
          .badConfiguration,
          "--resume \(file.path): expected a run directory or a checkpoint set; weights alone have no state to go on "
            + "from: give them as model.initial_weights")
      }
    }
    let saved = try Configuration(text: set.state.configuration, name: "\(set.directory)/state.json")
    let changes = configuration.trainingChanges(since: saved)
    if !changes.isEmpty {
      let list = changes.map { "\n  \($0.key): the checkpoint has \($0.before), this run \($0.after)" }.joined()
      throw InputError(
        .badConfiguration,
        "\(set.directory): the run was started with another configuration:\(list)\n"
          + "take the old values, or start anew with --resume never or another --output")
    }
    if set.state.worldSize != communicator.size {
      throw InputError(
        .badConfiguration,
        "\(set.directory): the number of ranks: the checkpoint has \(set.state.worldSize), this run \(communicator.size); "
          + "start it with mpirun -np \(set.state.worldSize), or anew with --resume never or another --output")
    }
    return set
  }

  /// Gives the parameters their state: that of the checkpoint, or initial values and `model.initial_weights`.
  ///
  /// Rank 0 reads; every arena is then broadcast, so that all ranks hold the same bits.
  func restore(
    _ start: Start, into plan: Plan, configuration: Configuration, say: (String) -> Void
  ) throws {
    let parameters = plan.parameters
    try communicator.collectively {
      guard communicator.rank == 0 else { return }
      if let set = start.set {
        try ModelFile.load(set.model, optimizer: set.optimizer, into: parameters)
        say("resuming from \(set.directory)")
        return
      }
      parameters.initialize(seed: configuration.random.seed)
      if let path = configuration.model.initialWeights {
        let file = try CheckpointReference.resolve(path) { say("warning: \($0)") }.model
        let match = try ModelFile.loadMatching(file, into: parameters)
        if match.loaded.isEmpty {
          throw InputError(
            .badData,
            "\(path): model.initial_weights: no tensor of the file has a name and shape of the model; \(match.summary)")
        }
        say("initial weights from \(path): \(match.summary)")
      }
    }
    try communicator.broadcast(parameters.valueArena)
    try communicator.broadcast(parameters.frozenArena)
    try communicator.broadcast(parameters.runningStatistics)
    try communicator.broadcast(parameters.momentumArena)
    plan.parametersChanged()
  }

  /// Copies the state on rank 0 and starts to write it as a set; returns before it is written.
  ///
  /// All ranks call it, and learn of a failure of the set before.
  func save(step: Int, skippedSteps: Int, schedule: BatchSchedule, plan: Plan, averagePrecision: Double?) throws {
    if let averagePrecision, averagePrecision > (best?.metric ?? -.infinity) { best = (averagePrecision, step) }
    try settle()
    let masks = try communicator.allgather(Self.maskDigest(plan)).joined(separator: " ")
    if communicator.rank == 0 {
      let position = step % schedule.stepsPerEpoch * schedule.globalBatchSize
      let state = CheckpointState(
        step: step, epoch: step / schedule.stepsPerEpoch, positionInEpoch: position, seed: configuration.random.seed,
        worldSize: communicator.size, configuration: configuration.yaml, metric: averagePrecision,
        bestMetric: best?.metric, bestStep: best?.step,
        extra: [
          Self.algorithmsKey: PlanChoices.text(plan.choices), Self.skippedStepsKey: "\(skippedSteps)", "masks": masks,
        ])
      writer.begin(
        state,
        model: ModelFile.model(
          plan.parameters, batchNormSteps: configuration.batchNorm.mode == .trained ? step : nil),
        optimizer: ModelFile.optimizer(plan.parameters),
        keeping: CheckpointRetention(newest: configuration.train.keepCheckpoints))
    }
  }

  /// A digest of this rank's DropBlock masks of the last micro-batch, by which exact restarts are checked.
  private static func maskDigest(_ plan: Plan) -> String {
    var hash = XXHash64()
    plan.withMaskBits { hash.update($0) }
    return hash.text
  }

  /// Whether the set that is being written has failed: news that this rank has for the others.
  var hasFailed: Bool { writer.hasFailed }

  /// Waits for the set that is being written; a failure is an error or a warning, as the policy says.
  ///
  /// All ranks call it.
  func settle() throws {
    try communicator.collectively { try output.attempt { if let failure = writer.wait() { throw failure } } }
  }

  /// Waits for the last set, which must be complete: throws on all ranks when it is not, whatever the policy.
  func finish() throws {
    try communicator.collectively { if let failure = writer.wait() { throw failure } }
  }

  /// Lets the set that is being written be completed before an error ends the run.
  ///
  /// A lost rank is no time to wait: the others end this one soon, and the set is then absent.
  func complete(before error: any Error) {
    if error is RankError { return }
    if let failure = writer.wait() { output.warn(failure) }
  }
}
