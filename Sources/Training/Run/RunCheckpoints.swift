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
  /// Lives as long as a set may be written.
  private let claim: RunClaim?
  private let store: CheckpointStore
  private let writer: CheckpointWriter
  private let output: RunOutput
  private let communicator: Communicator
  private let configuration: Configuration
  /// The best evaluation of the run so far.
  private(set) var best: (figure: Double, step: Int)?
  /// The last evaluation of this launch.
  private(set) var last: (figure: Double, step: Int)?
  /// The masks of the step that the run goes on from, for a set of that step; on the first rank.
  private var masksAtStart: (step: Int, digests: String)?

  /// - Parameter claim: the run's right to write into the directory; nil where nothing is written.
  init(
    directory: RunDirectory, claim: RunClaim?, communicator: Communicator, configuration: Configuration,
    output: RunOutput
  ) {
    self.claim = claim
    store = claim.map { CheckpointStore(writingTo: $0.directory) } ?? CheckpointStore(runDirectory: directory.path)
    writer = CheckpointWriter(store)
    self.output = output
    (self.communicator, self.configuration) = (communicator, configuration)
  }

  deinit { _ = writer.wait() }

  /// Where a run starts.
  struct Start {
    /// Steps done.
    var step = 0
    /// The algorithms of the resumed run.
    var algorithms: AlgorithmChoices?
    /// Whether the model of the resumed run was evaluated as it was saved.
    var isEvaluated = false
    /// The ranks and the batch of the resumed run; nil for a new one.
    var origin: Origin?
    /// Steps that were skipped because a loss was not finite.
    var skippedSteps = 0
    /// The classes of the resumed run; nil for a new one, and where the checkpoint does not name them.
    var classes: ExpectedClasses?
    /// The set to read; on rank 0 of a resumed run only.
    var set: CheckpointSet?
  }

  /// How the ranks shared the images of an update when a checkpoint was written.
  struct Origin: Codable, Equatable {
    var ranks: Int
    var imagesPerUpdate: Int
    var imagesPerPass: Int
  }

  /// Finds the checkpoint to start from and makes sure that it belongs to this run.
  ///
  /// Throws 65 for a damaged one, 78 when a key that decides what is computed has changed.
  func find(_ resume: ResumeSource, warn: (String) -> Void) throws -> Start {
    let (found, facts) = try communicator.collectively {
      let found = communicator.rank == 0 ? try open(resume, warn: warn) : nil
      let state = found?.state
      let facts = ResumeFacts(
        step: state?.step ?? 0, algorithms: state?.extra[Self.algorithmsKey],
        arithmetic: state?.extra[Self.arithmeticKey],
        isEvaluated: state?.metric != nil, origin: try found.map { try Self.origin($0) },
        skippedSteps: try found.flatMap { try Self.number(Self.skippedStepsKey, 0...$0.state.step, in: $0) } ?? 0,
        bestMetric: state?.bestMetric, bestStep: state?.bestStep,
        classes: try found.map { try CheckpointReference.set($0).classes() } ?? nil)
      return (found, facts)
    }
    if let found, facts.classes == nil, configuration.data.kind.classesAreOfData {
      warn(ExpectedClasses.unnamed(in: found.directory))
    }
    var start = Start(set: found)
    masksAtStart = found.map { ($0.state.step, $0.state.extra[Self.masksKey] ?? "") }
    let agreed = try communicator.broadcast(value: facts)
    (start.step, start.isEvaluated) = (agreed.step, agreed.isEvaluated)
    (start.skippedSteps, start.origin, start.classes) = (agreed.skippedSteps, agreed.origin, agreed.classes)
    start.algorithms = agreed.algorithms.flatMap {
      try? JSONDecoder().decode(AlgorithmChoices.self, from: Data($0.utf8))
    }
    if agreed.algorithms != nil && start.algorithms == nil && communicator.rank == 0 {
      warn(
        "the checkpoint names convolution methods of another version of this program: they are chosen anew, and the run goes "
          + "on with other roundings than it would have had")
    }
    if let saved = agreed.arithmetic, saved != Engine.arithmetic {
      // What was fastest there need not be so here.
      start.algorithms = nil
      if communicator.rank == 0 {
        warn(
          "the checkpoint was computed with \(saved), this run goes on with \(Engine.arithmetic): convolution methods are "
            + "chosen anew, and it is no longer, to the bit, the run that was never stopped")
      }
    }
    if let metric = agreed.bestMetric, let step = agreed.bestStep { best = (metric, step) }
    return start
  }

  private struct ResumeFacts: Codable {
    var step: Int
    var algorithms: String?
    var arithmetic: String?
    var isEvaluated: Bool
    var origin: Origin?
    var skippedSteps: Int
    var bestMetric: Double?
    var bestStep: Int?
    var classes: ExpectedClasses?
  }

  private static let algorithmsKey = "algorithms"
  private static let skippedStepsKey = "skipped_steps"
  private static let masksKey = "masks"
  private static let arithmeticKey = "arithmetic"
  private static let imagesPerUpdateKey = "images_per_update"
  private static let imagesPerPassKey = "images_per_pass"

  private func open(_ resume: ResumeSource, warn: (String) -> Void) throws -> CheckpointSet? {
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
    let saved = try Configuration(text: set.state.configuration, name: "\(set.directory)/state.json", isResolved: true)
    // The ranks may share an update's images otherwise than before, as long as it keeps their number.
    let images = try Self.origin(set).imagesPerUpdate
    let keepsBatch = (try? configuration.batchPlan(ranks: communicator.size).global) == images
    let free = ["batch.accumulate"] + (keepsBatch ? ["batch.per_rank", "batch.global"] : [])
    let changes = configuration.trainingChanges(since: saved).filter { !free.contains($0.key) }
    if !changes.isEmpty {
      let list = changes.map { "  \($0.key): the checkpoint has \($0.before), this run \($0.after)" }
      throw InputError(
        .badConfiguration,
        lines: ["\(set.directory): the run was started with another configuration:"] + list
          + ["take the old values, or start anew with --resume never or another --output"])
    }
    return set
  }

  /// How the ranks that wrote a checkpoint shared the images; those of older versions say it by their configuration.
  ///
  /// Throws 65 for numbers that no run has.
  private static func origin(_ set: CheckpointSet) throws -> Origin {
    let ranks = set.state.worldSize
    let images = 1...1 << 32
    if let update = try number(imagesPerUpdateKey, images, in: set),
      let pass = try number(imagesPerPassKey, images, in: set)
    {
      guard update % pass == 0, update / pass % ranks == 0 else {
        throw damaged(
          set, imagesPerUpdateKey, expected: "whole passes of \(pass) images on \(ranks) ranks", got: "\(update)")
      }
      return Origin(ranks: ranks, imagesPerUpdate: update, imagesPerPass: pass)
    }
    let saved = try Configuration(text: set.state.configuration, name: "state.json", isResolved: true)
    let plan = try saved.batchPlan(ranks: ranks)
    return Origin(ranks: ranks, imagesPerUpdate: plan.global, imagesPerPass: plan.perRank)
  }

  /// A number of the trainer's own facts in a checkpoint, nil when it has none; throws 65 when it is out of range.
  private static func number(_ key: String, _ range: ClosedRange<Int>, in set: CheckpointSet) throws -> Int? {
    guard let text = set.state.extra[key] else { return nil }
    if let number = Int(text), range.contains(number) { return number }
    throw damaged(
      set, key, expected: "a number from \(range.lowerBound) to \(range.upperBound)", got: text)
  }

  private static func damaged(_ set: CheckpointSet, _ key: String, expected: String, got: String) -> InputError {
    InputError(
      .badData,
      "\(set.directory)/state.json: extra.\(key): expected \(expected), got \(got); the file is damaged: take another "
        + "checkpoint")
  }

  /// The batch of this run: that of the configuration, or of the resumed run shared among this number of ranks.
  func batch(_ start: Start, say: (String) -> Void) throws -> BatchPlan {
    let ranks = communicator.size
    guard let origin = start.origin else { return try configuration.batchPlan(ranks: ranks) }
    let batch = try configuration.batchPlan(ranks: ranks, imagesPerUpdate: origin.imagesPerUpdate)
    if ranks != origin.ranks || batch.perRank != origin.imagesPerPass {
      let keys = configuration.keysThatSeeRanks
      say(
        "the checkpoint is of \(origin.ranks) ranks with \(origin.imagesPerPass) images a pass; going on with \(ranks) "
          + "ranks, \(batch.perRank) images a pass and \(batch.accumulate) passes: \(batch.global) images an update as before"
          + (keys.isEmpty ? "" : "; what that changes beyond rounding: \(keys.joined(separator: ", "))")
          + (batch.perRank > origin.imagesPerPass ? "; where memory is short, give --set batch.accumulate=N" : ""))
    }
    return batch
  }

  /// Gives the parameters their state: that of the checkpoint, or initial values and `model.initial_weights`.
  ///
  /// Rank 0 reads; every arena is then broadcast, so that all ranks hold the same bits. `classes` are those of the training
  /// images, nil where these are unknown.
  func restore(
    _ start: Start, into plan: Plan, configuration: Configuration, classes: ClassList?, say: (String) -> Void
  ) throws {
    let parameters = plan.parameters
    configuration.optimizer.prepare(parameters)
    try communicator.collectively {
      guard communicator.rank == 0 else { return }
      if let set = start.set {
        try ModelFile.load(set.model, optimizer: set.optimizer, into: parameters)
        say("resuming from \(set.directory)")
        return
      }
      parameters.initialize(seed: configuration.random.seed)
      if let path = configuration.model.initialWeights {
        let reference = try CheckpointReference.resolve(path) { say("warning: \($0)") }
        let match = try ModelFile.loadMatching(reference.model, into: parameters)
        if match.loaded.isEmpty {
          throw InputError(
            .badData,
            "\(path): model.initial_weights: no tensor of the file has a name and shape of the model, \(match.summary); give "
              + "weights of this model")
        }
        say(shown("initial weights from \(path): \(match.summary)"))
        if let classes, let others = try reference.classes(),
          let remark = configuration.remark(onHeadFrom: others.list, for: classes, match)
        {
          say("warning: \(path): \(remark)")
        }
      }
      parameters.startAverages()
    }
    try communicator.broadcast(parameters.valueArena)
    try communicator.broadcast(parameters.frozenArena)
    try communicator.broadcast(parameters.runningStatistics)
    for arena in parameters.optimizerArenas { try communicator.broadcast(arena) }
    plan.parametersChanged()
  }

  /// Takes note of what a step's evaluation found.
  func record(figure: Double, step: Int) {
    last = (figure, step)
    if figure > (best?.figure ?? -.infinity) { best = last }
  }

  /// Copies the state on rank 0 and starts to write it as a set; returns before it is written.
  ///
  /// All ranks call it, and learn of a failure of the set before.
  func save(
    step: Int, skippedSteps: Int, schedule: BatchSchedule, plan: Plan, classes: ClassList, figure: Double?
  ) throws {
    try settle()
    let drawn = try communicator.allgather(Self.maskDigest(plan)).joined(separator: " ")
    let masks = masksAtStart?.step == step ? masksAtStart?.digests : drawn
    if communicator.rank == 0 {
      let position = step % schedule.stepsPerEpoch * schedule.globalBatchSize
      let state = CheckpointState(
        step: step, epoch: step / schedule.stepsPerEpoch, positionInEpoch: position, seed: configuration.random.seed,
        worldSize: communicator.size, configuration: configuration.yaml, metric: figure,
        bestMetric: best?.figure, bestStep: best?.step,
        extra: [
          Self.algorithmsKey: PlanChoices.text(plan.choices), Self.arithmeticKey: Engine.arithmetic,
          Self.skippedStepsKey: "\(skippedSteps)",
          Self.masksKey: masks ?? drawn, ClassList.key: classes.json,
          Self.imagesPerUpdateKey: "\(schedule.globalBatchSize)", Self.imagesPerPassKey: "\(schedule.batchSizePerRank)",
        ])
      writer.begin(
        state,
        model: ModelFile.model(
          plan.parameters, batchNormSteps: configuration.batchNorm.mode == .trained ? step : nil),
        metadata: [ClassList.key: classes.json], optimizer: ModelFile.optimizer(plan.parameters),
        keeping: CheckpointRetention(newest: configuration.train.keepCheckpoints))
    }
  }

  /// A digest of this rank's masks of the last micro-batch, by which exact restarts are checked.
  private static func maskDigest(_ plan: Plan) -> String {
    var hash = XXHash64()
    plan.withMaskBits { hash.update($0) }
    return hash.text
  }

  /// Whether the set that is being written has failed: news that this rank has for the others.
  var hasFailed: Bool { writer.hasFailed }

  /// How long the last complete set took to write, in seconds; 0 before the first and on ranks that write none.
  var lastWriteSeconds: Double { writer.lastSeconds }

  /// Waits for the set that is being written; a failure is an error or a warning, as the policy says.
  ///
  /// All ranks call it.
  func settle() throws {
    try communicator.collectively { try output.attempt { if let failure = writer.wait() { throw failure } } }
  }

  /// Waits for the last set, which must be complete and in the directory of the run: throws on all ranks when it is not,
  /// whatever the policy.
  func finish() throws {
    try communicator.collectively {
      if let failure = writer.wait() { throw failure }
      try claim?.directory.requireInPlace()
    }
  }

  /// Lets the set that is being written be completed before an error ends the run.
  func completeBeforeLeaving() {
    if let failure = writer.wait() { output.warn(failure) }
  }
}
