import Checkpoints
import Datasets
import Detection
import Distributed
import Foundation
import Graph
import Tensors

/// A training run from its configuration to its last evaluation, on all ranks.
public final class TrainingRun {
  /// Where a run starts from.
  public enum Resume: Equatable, Sendable {
    /// The latest complete checkpoint of the run directory, if there is one.
    case automatic
    /// From the beginning; earlier checkpoints of the directory are replaced as new ones are written.
    case never
    /// A run directory or a checkpoint set.
    case path(String)
  }

  /// How a run ended.
  public enum Outcome: Sendable {
    /// All steps are done.
    case finished
    /// A signal stopped it after a complete checkpoint.
    case interrupted
  }

  let configuration: Configuration
  let detector: Detector
  let communicator: Communicator
  let console: Console
  let directory: RunDirectory
  let replica: Replica<Detector>
  let input: TrainingInput
  let validation: DetectionSplit
  let totalSteps: Int
  private var schedule: BatchSchedule { input.schedule }
  let engine: Engine
  let learningRate: LearningRateSchedule
  private let recorder: RunRecorder?
  private let predictor: Predictor
  private let checkpoints: RunCheckpoints
  private let output: RunOutput
  private(set) var step: Int
  /// Steps that were skipped in a row until now.
  var skippedSteps: Int
  private var faults: FaultReport
  let injection: FaultInjection
  private var sentinel: ReplicaSentinel
  /// Whether the run goes on from a state that was to be evaluated and was not, because a stop came first.
  private let owesEvaluation: Bool

  /// Opens data, plans the model and restores or initialises its state; throws the same error on all ranks.
  public init(
    _ configuration: Configuration, output: String?, resume: Resume, mpi: MPIEnvironment, threads: ThreadChoice,
    console: Console, faults injected: [InjectedFault] = []
  ) throws {
    let communicator = mpi.world
    (self.configuration, self.communicator, self.console) = (configuration, communicator, console)
    communicator.phase = "start"
    directory = RunDirectory(output: output, name: configuration.name)
    detector = try communicator.collectively {
      try configuration.requireRunnable()
      return Detector(configuration)
    }
    try communicator.collectively { [directory] in if communicator.rank == 0 { try directory.create() } }

    self.output = RunOutput(configuration.train.writeFailure, console: console)
    checkpoints = RunCheckpoints(
      directory: directory, communicator: communicator, configuration: configuration, output: self.output)
    let start = try checkpoints.find(resume) { console.warn($0) }
    (step, skippedSteps) = (start.step, start.skippedSteps)
    let batch = try communicator.collectively { [checkpoints] in
      try checkpoints.batch(start) { console.say($0) }
    }
    input = try TrainingInput(detector, batch: batch, communicator: communicator)
    validation = try DetectionSplit(.validation, of: configuration, communicator: communicator)
    let stepsPerEpoch = input.schedule.stepsPerEpoch
    totalSteps = configuration.train.length.steps(stepsPerEpoch: stepsPerEpoch)
    learningRate = LearningRateSchedule(
      configuration.learningRate, globalBatch: batch.global, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps)

    let evaluateEvery = configuration.train.evaluateEvery?.steps(stepsPerEpoch: stepsPerEpoch)
    owesEvaluation =
      start.step > 0 && !start.isEvaluated
      && (start.step == totalSteps || evaluateEvery.map { start.step % $0 == 0 } == true)
    faults = FaultReport(maximum: configuration.data.maxFaults)
    let choices = try communicator.collectively {
      // What was timed for passes of another size says nothing about these.
      let isSameShape = start.origin?.imagesPerPass == batch.perRank
      return try PlanChoices(
        configuration, threads: threads.threads, resumed: isSameShape ? start.algorithms : nil)
    }
    engine = Engine()
    communicator.phase = "planning"
    let plan = try choices.plan(
      detector.trainingGraph(imagesPerRank: batch.perRank), engine: engine, communicator: communicator)
    try checkpoints.restore(start, into: plan, configuration: configuration) { console.say($0) }
    replica = Replica(detector, plan: plan, communicator: communicator, batch: batch, totalSteps: totalSteps)
    predictor = Predictor(detector, engine: engine, store: plan.parameters)

    injection = try FaultInjection(injected, communicator: communicator, store: plan.parameters)
    sentinel = ReplicaSentinel(configuration, communicator: communicator, store: plan.parameters, step: step)
    let (firstStep, ownDirectory) = (step, directory)
    recorder = try communicator.collectively {
      guard communicator.rank == 0 else { return nil }
      let recorder = try RunRecorder(directory: ownDirectory, console: console, resumingAt: firstStep)
      try ownDirectory.write(configuration)
      return recorder
    }
    sayHeader(threads)
  }

  /// The steps that are left, with metrics, checkpoints and evaluations on the way.
  ///
  /// However it ends, no checkpoint is left half written, unless a rank was lost.
  public func run() throws -> Outcome {
    do {
      return try runSteps()
    } catch {
      checkpoints.complete(before: error)
      throw error
    }
  }

  private func runSteps() throws -> Outcome {
    if try communicator.agreeOnAny(StopRequest.isPending) {
      // Opening data and planning may have taken long. What a run goes on from is complete already.
      if step == 0 { try save(averagePrecision: nil) }
      return try interrupted()
    }
    if owesEvaluation {
      guard let precision = try evaluate() else { return try interrupted() }
      try save(averagePrecision: precision)
    }
    if step >= totalSteps {
      try checkpoints.finish()
      console.say("finished: all \(totalSteps) steps are done; see \(directory.path)")
      return .finished
    }
    communicator.phase = "training"
    let loader = input.loader(rank: communicator.rank, firstStep: step)
    let checkpointEvery = configuration.train.checkpointEvery.steps(stepsPerEpoch: schedule.stepsPerEpoch)
    let evaluateEvery = configuration.train.evaluateEvery?.steps(stepsPerEpoch: schedule.stepsPerEpoch)
    var window = MetricsWindow()
    while step < totalSteps {
      let result = try trainStep(loader, &window)
      step += 1
      injection.strikeAfterUpdate(step: step, replica.plan.parameters)
      let isLast = step == totalSteps
      if result.isFinite, step % configuration.train.logEvery == 0 || isLast {
        try record(result, &window)
      }
      var stops = result.stopIsRequested
      if stops || isLast || step % configuration.train.logEvery == 0 {
        try faults.tell(communicator, warn: console.warn)
      }
      if result.hasNews { try checkpoints.settle() }
      let evaluates = isLast || evaluateEvery.map { step % $0 == 0 } == true
      let saves = stops || isLast || step % checkpointEvery == 0
      try sentinel.check(step: step, isAboutToSave: saves || evaluates)
      if saves || evaluates { try requireFiniteWeights() }
      var precision: Double?
      if evaluates && (!stops || isLast) {
        precision = try evaluate()
        // The run that goes on from here begins with this evaluation.
        if precision == nil { stops = true }
      }
      if saves || stops { try save(averagePrecision: precision) }
      if evaluates || step % checkpointEvery == 0 { window.restart() }
      if stops && (!isLast || precision == nil) { return try interrupted() }
    }
    try checkpoints.finish()
    let peak = try communicator.largestPeakResidentBytes()
    if faults.count > 0 { console.say("dropped because of faults in the training data: \(faults.count), named above") }
    console.say(
      "finished: \(totalSteps) steps; peak memory of a rank \(peak >> 20) MiB; everything is in \(directory.path)")
    return .finished
  }

  private func save(averagePrecision: Double?) throws {
    communicator.phase = "checkpoint"
    defer { communicator.phase = "training" }
    try checkpoints.save(
      step: step, skippedSteps: skippedSteps, schedule: schedule, plan: replica.plan, averagePrecision: averagePrecision
    )
  }

  private func interrupted() throws -> Outcome {
    try checkpoints.finish()
    console.say("stopped after step \(step) with a complete checkpoint; run the same command again to go on")
    return .interrupted
  }

  /// One update, or none when a loss was not finite.
  private func trainStep(
    _ loader: BatchLoader<TrainingSample, AnchorTargets>, _ window: inout MetricsWindow
  ) throws -> Replica<Detector>.Result {
    let start = monotonicSeconds()
    var dataSeconds = 0.0
    var imageIDs: [Int] = []
    let rate = learningRate.rate(at: step)
    let result = try replica.step(step, learningRate: rate, hasNews: checkpoints.hasFailed) {
      let before = monotonicSeconds()
      let batch = try communicator.collectively { try loader.next() }
      faults.add(batch.newFaults)
      imageIDs += batch.samples.map(\.imageID)
      dataSeconds += monotonicSeconds() - before
      if batch.microBatch == 0 { injection.strike(step: step + 1) }
      return microBatch(batch)
    }
    window.add(
      seconds: monotonicSeconds() - start, dataSeconds: dataSeconds, exposedSeconds: result.exposedSeconds)
    if result.isFinite {
      skippedSteps = 0
    } else {
      try skipOrStop(isFiniteHere: result.isFiniteHere, imageIDs: imageIDs)
    }
    return result
  }

  /// What enters the network, with the faults that were asked for.
  func microBatch(_ batch: BatchLoader<TrainingSample, AnchorTargets>.Batch) -> Replica<Detector>.MicroBatch {
    var targets = batch.payloads
    if batch.microBatch == 0 { injection.spoil(batch.images, &targets, step: step + 1) }
    return Replica.MicroBatch(images: UnsafeBufferPointer(batch.images), targets: targets)
  }

  /// Throws 76 on all ranks rather than let weights that have overflowed be evaluated or saved.
  private func requireFiniteWeights() throws {
    try communicator.collectively {
      let store = replica.plan.parameters
      if isFinite(store.valueArena.span) && isFinite(store.runningStatistics.span) { return }
      throw InputError(
        .diverged,
        "step \(step): the weights are not finite after the update; the last checkpoint is untouched; lower "
          + "learning_rate.peak or lengthen learning_rate.warmup")
    }
  }

  private func record(_ result: Replica<Detector>.Result, _ window: inout MetricsWindow) throws {
    let images = Double(schedule.globalBatchSize)
    let metrics = TrainingMetrics(
      step: step, epoch: Double(step) / Double(schedule.stepsPerEpoch), loss: result.loss,
      lossClass: result.classLoss, lossBox: result.boxLoss, learningRate: learningRate.rate(at: step - 1),
      keepProbability: detector.keepProbability(step: step - 1, totalSteps: totalSteps),
      imagesPerSecond: images / window.stepSeconds, stepSeconds: window.stepSeconds,
      dataSeconds: window.dataSeconds, allreduceExposedSeconds: window.exposedSeconds)
    try communicator.collectively {
      try output.attempt {
        try recorder?.record(
          metrics, totalSteps: totalSteps, secondsLeft: window.secondsLeft(forSteps: totalSteps - step))
      }
    }
    window.restart()
  }

  /// Evaluates on all ranks, rank 0 writes; returns the average precision on all of them, or nil when a stop was asked for
  /// meanwhile.
  private func evaluate() throws -> Double? {
    communicator.phase = "evaluation"
    defer { communicator.phase = "training" }
    let evaluation: DetectionEvaluation?
    do {
      evaluation = try predictor.evaluate(
        validation.dataset, communicator: communicator, isStopped: { StopRequest.isPending })
    } catch is EvaluationStopped {
      return nil
    }
    try communicator.collectively {
      guard let evaluation, let recorder else { return }
      try output.attempt { try write(evaluation, recorder) }
    }
    return try communicator.broadcast(value: evaluation?.metrics.stats.averagePrecision ?? -1)
  }

  private func write(_ evaluation: DetectionEvaluation, _ recorder: RunRecorder) throws {
    let files = directory.evaluation(step: step)
    try files.write(evaluation)
    try recorder.record(
      EvaluationMetrics(
        step: step, epoch: Double(step) / Double(schedule.stepsPerEpoch), figures: evaluation.metrics.stats.named,
        seconds: evaluation.seconds), classes: validation.dataset.classFigures(evaluation.metrics))
    if step == totalSteps {
      try files.drawPictures(evaluation, of: validation.dataset)
      console.say("pictures of detections: \(files.pictures)")
    }
  }

  private func sayHeader(_ threads: ThreadChoice) {
    let plan = replica.plan
    let data = input.source.dataset.index
    console.header(
      "dropblock-dist: \(configuration.name)",
      [
        (
          "model",
          "RetinaNet (\(configuration.model.form.rawValue) form), ResNet-\(configuration.model.depth.rawValue), "
            + "\(configuration.model.classes) classes, \(NumberText.grouped(plan.parameters.parameterCount)) parameters"
        ),
        (
          "DropBlock",
          detector.dropBlock.map {
            "block \($0.blockSize), keep \($0.keepProbability), groups \(configuration.dropBlock.groups), "
              + "\(plan.maskSites.count) sites"
          } ?? "off"
        ),
        (
          "ranks", "\(communicator.size) x \(threads.threads) threads, \(configuration.precision.rawValue)"
        ),
        (
          "batch",
          "\(schedule.globalBatchSize) images an update: \(communicator.size) ranks x \(schedule.batchSizePerRank) images"
            + (schedule.accumulation > 1 ? " x \(schedule.accumulation) passes" : "")
        ),
        (
          "data",
          "\(data.imageCount) training and \(validation.dataset.index.imageCount) validation images, "
            + "\(schedule.stepsPerEpoch) steps an epoch"
        ),
        (
          "steps",
          "\(totalSteps) (\(NumberText.significant(Double(totalSteps) / Double(schedule.stepsPerEpoch))) epochs)"
            + (step == 0 ? "" : ", \(step) of them done")
        ),
        (
          "memory",
          "\(plan.arenaBytes >> 20) MiB of activations, \(input.imageBytes >> 20) MiB of \(input.depth) prepared batches a rank"
        ),
        ("output", directory.path),
      ])
  }
}
