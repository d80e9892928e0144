import Checkpoints
import Datasets
import Detection
import Distributed
import Foundation
import Graph
import Tensors

/// A training run from its configuration to its last evaluation, on all ranks.
final class TrainingRun<Task: TrainingTask> {
  let configuration: Configuration
  let task: Task
  let communicator: Communicator
  let console: Console
  let directory: RunDirectory
  let replica: Replica<Task>
  let input: Task.Input
  let totalSteps: Int
  var schedule: BatchSchedule { input.schedule }
  let engine: Engine
  let learningRate: LearningRateSchedule
  let recorder: RunRecorder?
  let evaluator: Task.Evaluator
  /// The right to write into the run directory; on rank 0.
  private let claim: RunClaim?
  private let checkpoints: RunCheckpoints
  private let output: RunOutput
  private(set) var step: Int
  /// Steps that were skipped in a row until now.
  var skippedSteps: Int
  private var faults: FaultReport
  let injection: FaultInjection
  private var sentinel: ReplicaSentinel
  /// Steps from one evaluation to the next; nil: only after the last step.
  private let evaluateEvery: Int?
  /// Whether the run goes on from a state that was to be evaluated and was not, because a stop came first.
  private let owesEvaluation: Bool
  private let resume: ResumeSource
  private var stopTime: StopTime?

  /// Opens data, plans the model and restores or initialises its state; throws the same error on all ranks.
  ///
  /// A dry run writes nothing into a run directory, which a run may be using.
  init(
    _ task: Task, output: String?, resume: ResumeSource, isDryRun: Bool, mpi: MPIEnvironment, threads: ThreadChoice,
    console: Console, faults injected: [InjectedFault] = []
  ) throws {
    let (configuration, communicator) = (task.configuration, mpi.world)
    (self.task, self.configuration, self.communicator, self.console) = (task, configuration, communicator, console)
    self.resume = resume
    stopTime = StopTime(
      launcher: mpi.launcher, openMPI: MPIEnvironment.openMPIMajor, environment: processEnvironment())
    communicator.phase = "start"
    directory = try communicator.collectively { try RunDirectory(output: output, configuration: configuration) }
    try communicator.collectively { try configuration.requireRunnable() }
    let claim: RunClaim? = try communicator.collectively { [directory] in
      guard communicator.rank == 0 else { return nil }
      try directory.create()
      if isDryRun { return nil }
      return try RunClaim(
        directory,
        isStopped: {
          // A wait that is meant is no stall.
          communicator.phase = "start"
          return StopRequest.isPending
        }, say: console.say)
    }
    self.claim = claim
    self.output = RunOutput(configuration.train.writeFailure, console: console)
    checkpoints = RunCheckpoints(
      directory: directory, claim: claim, communicator: communicator, configuration: configuration, output: self.output)
    let start = try checkpoints.find(resume) { console.warn($0) }
    (step, skippedSteps) = (start.step, start.skippedSteps)
    let batch = try communicator.collectively { [checkpoints] in
      try checkpoints.batch(start) { console.say($0) }
    }
    input = try task.openInput(batch: batch, classes: start.classes, communicator: communicator)
    let stepsPerEpoch = input.schedule.stepsPerEpoch
    totalSteps = configuration.train.length.steps(stepsPerEpoch: stepsPerEpoch)
    learningRate = LearningRateSchedule(
      configuration.learningRate, globalBatch: batch.global, stepsPerEpoch: stepsPerEpoch, totalSteps: totalSteps)

    faults = FaultReport(
      maximum: configuration.data.maxFaults, imageCount: input.schedule.sampler.imageCount)
    let choices = try communicator.collectively {
      // What was timed for passes of another size says nothing about these.
      let isSameShape = start.origin?.imagesPerPass == batch.perRank
      return try PlanChoices(
        configuration, threads: threads.threads, resumed: isSameShape ? start.algorithms : nil)
    }
    engine = Engine()
    communicator.phase = "planning"
    let plan = try choices.plan(
      task.trainingGraph(imagesPerRank: batch.perRank), engine: engine, communicator: communicator)
    let classes = input.classes
    try checkpoints.restore(start, into: plan, configuration: configuration, classes: classes.list) { console.say($0) }
    replica = Replica(
      task, plan: plan, communicator: communicator, batch: batch, totalSteps: totalSteps,
      stepsPerEpoch: stepsPerEpoch)
    evaluator = try task.openEvaluator(
      engine: engine, store: plan.parameters, classes: classes, communicator: communicator)
    evaluateEvery = configuration.train.evaluateEvery.steps(
      stepsPerEpoch: stepsPerEpoch, trainingImages: input.schedule.sampler.imageCount,
      validationImages: evaluator.imageCount)
    owesEvaluation =
      start.step > 0 && !start.isEvaluated
      && (start.step == totalSteps || evaluateEvery.map { start.step % $0 == 0 } == true)
    // The evaluation after the last step would end there, if no other does before.
    if step < totalSteps || owesEvaluation { try evaluator.requireFiles(communicator) }

    injection = try FaultInjection(
      injected, communicator: communicator, store: plan.parameters, canSpoilLoss: Task.canSpoilLoss)
    sentinel = ReplicaSentinel(configuration, communicator: communicator, store: plan.parameters, step: step)
    let (firstStep, ownDirectory, owes) = (step, directory, owesEvaluation)
    recorder = try communicator.collectively {
      guard communicator.rank == 0 && !isDryRun else { return nil }
      let recorder = try RunRecorder(
        directory: ownDirectory, console: console, resumingAt: firstStep, owesEvaluation: owes)
      try ownDirectory.write(configuration)
      return recorder
    }
    try sayHeader(threads)
  }

  /// The steps that are left, with metrics, checkpoints and evaluations on the way.
  ///
  /// However it ends, no checkpoint is left half written, unless a rank was lost.
  func run() throws -> RunOutcome {
    do {
      return try runSteps()
    } catch {
      checkpoints.completeBeforeLeaving()
      recorder?.history.note(.failed, "\(error)")
      throw error
    }
  }

  private func runSteps() throws -> RunOutcome {
    if try communicator.agreeOnAny(StopRequest.isPending) {
      // Opening data and planning may have taken long. What a run goes on from is complete already.
      if step == 0 { try save(figure: nil) }
      return try interrupted()
    }
    if owesEvaluation {
      guard let figure = try evaluate() else { return try interrupted() }
      try save(figure: figure)
    }
    if step >= totalSteps {
      try checkpoints.finish()
      noteEnd()
      console.say("finished: all \(totalSteps) steps are done; see \(directory.path)")
      return .finished
    }
    drawFirstSamples()
    communicator.phase = "training"
    let nextBatch = input.batches(rank: communicator.rank, firstStep: step)
    let checkpointEvery = configuration.train.checkpointEvery.steps(stepsPerEpoch: schedule.stepsPerEpoch)
    var window = MetricsWindow()
    while step < totalSteps {
      let result = try trainStep(nextBatch, &window)
      step += 1
      recorder?.history.reached(step: step)
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
      var figure: Double?
      if evaluates && (!stops || isLast) {
        figure = try evaluate()
        // The run that goes on from here begins with this evaluation.
        if figure == nil { stops = true }
      }
      if saves || stops { try save(figure: figure) }
      if evaluates || step % checkpointEvery == 0 { window.restart() }
      if stops && (!isLast || figure == nil) { return try interrupted() }
    }
    try checkpoints.finish()
    let peak = try communicator.largestPeakResidentBytes()
    sayBest()
    noteEnd()
    if faults.count > 0 { console.say("dropped because of faults in the training data: \(faults.count), named above") }
    console.say(
      "finished: \(totalSteps) steps; peak memory of a rank \(peak >> 20) MiB; everything is in \(directory.path)")
    return .finished
  }

  /// Throws 73 where the run directory was moved or removed: nothing of it goes elsewhere.
  func requireDirectoryInPlace() throws { try claim?.directory.requireInPlace() }

  private func save(figure: Double?) throws {
    communicator.phase = "checkpoint"
    defer { communicator.phase = "training" }
    try checkpoints.save(
      step: step, skippedSteps: skippedSteps, schedule: schedule, plan: replica.plan, classes: input.classes.list,
      figure: figure)
  }

  /// Says which evaluation of the run was the best, which papers report, beside the last one.
  private func sayBest() {
    guard let best = checkpoints.best, let last = checkpoints.last, best.step != last.step else { return }
    func text(_ evaluated: (figure: Double, step: Int)) -> String {
      "\(NumberText.fixed(evaluated.figure, 4)) after step \(evaluated.step)"
    }
    console.say("best \(Task.Evaluator.Evaluation.decisiveFigure): \(text(best)); last: \(text(last))")
  }

  /// Notes that all steps are done, and makes the last page.
  private func noteEnd() {
    guard let recorder else { return }
    recorder.history.note(.finished)
    recorder.attemptReport {
      try requireDirectoryInPlace()
      try recorder.writeReport()
    }
  }

  private func interrupted() throws -> RunOutcome {
    try checkpoints.finish()
    recorder?.history.note(.stopped)
    let again = resume == .automatic ? "" : " without --resume"
    console.say("stopped after step \(step) with a complete checkpoint; run the same command again\(again) to go on")
    return .interrupted
  }

  /// One update, or none when a loss was not finite.
  private func trainStep(
    _ nextBatch: () throws -> TrainingBatch<Task.ImageTargets>, _ window: inout MetricsWindow
  ) throws -> Replica<Task>.Result {
    let start = monotonicSeconds()
    var dataSeconds = 0.0
    var imageNames: [String] = []
    let rate = learningRate.rate(at: step)
    let result = try replica.step(step, learningRate: rate, hasNews: checkpoints.hasFailed) {
      let before = monotonicSeconds()
      let batch = try communicator.collectively { try nextBatch() }
      faults.add(batch.newFaults)
      imageNames += batch.imageNames
      dataSeconds += monotonicSeconds() - before
      if batch.microBatch == 0 { injection.strike(step: step + 1) }
      return microBatch(batch)
    }
    let seconds = monotonicSeconds() - start
    window.add(seconds: seconds, dataSeconds: dataSeconds, exposedSeconds: result.exposedSeconds)
    let time = stopTime?.warning(stepSeconds: seconds, checkpointSeconds: checkpoints.lastWriteSeconds)
    if let time { console.warn(time) }
    if result.isFinite {
      skippedSteps = 0
    } else {
      try skipOrStop(isFiniteHere: result.isFiniteHere, imageNames: imageNames)
    }
    return result
  }

  /// What enters the network, with the faults that were asked for.
  func microBatch(_ batch: TrainingBatch<Task.ImageTargets>) -> Replica<Task>.MicroBatch {
    var targets = batch.targets
    if batch.microBatch == 0 && injection.spoil(batch.images, step: step + 1) { Task.spoilLoss(&targets) }
    return Replica.MicroBatch(images: UnsafeBufferPointer(batch.images), targets: targets)
  }

  /// Throws 76 on all ranks rather than let weights that have overflowed be evaluated or saved.
  private func requireFiniteWeights() throws {
    try communicator.collectively {
      let store = replica.plan.parameters
      if isFinite(store.valueArena) && isFinite(store.runningStatistics) { return }
      throw InputError(
        .diverged,
        "step \(step): the weights are not finite after the update; the last checkpoint is untouched; lower "
          + "learning_rate.peak or lengthen learning_rate.warmup")
    }
  }

  private func record(_ result: Replica<Task>.Result, _ window: inout MetricsWindow) throws {
    let images = Double(schedule.globalBatchSize)
    let losses = task.losses(result.means)
    let metrics = TrainingMetrics(
      step: step, epoch: Double(step) / Double(schedule.stepsPerEpoch), loss: losses.loss, parts: losses.parts,
      learningRate: learningRate.rate(at: step - 1),
      keepProbability: replica.regularization?.keepProbability(step: step - 1) ?? 1,
      imagesPerSecond: images / window.stepSeconds, stepSeconds: window.stepSeconds,
      dataSeconds: window.dataSeconds, allreduceExposedSeconds: window.exposedSeconds)
    try communicator.collectively {
      try output.attempt {
        try requireDirectoryInPlace()
        try recorder?.record(
          metrics, totalSteps: totalSteps, secondsLeft: window.secondsLeft(forSteps: totalSteps - step))
      }
    }
    window.restart()
  }

  /// Evaluates on all ranks, rank 0 writes; returns the decisive figure on all of them, or nil when a stop was asked for
  /// meanwhile.
  ///
  /// Where averages of the weights are kept, they are what is evaluated.
  private func evaluate() throws -> Double? {
    communicator.phase = "evaluation"
    defer { communicator.phase = "training" }
    replica.plan.parameters.exchangeAverages()
    defer { replica.plan.parameters.exchangeAverages() }
    let evaluation: Task.Evaluator.Evaluation?
    do {
      evaluation = try evaluator.evaluate(
        dropBlock: .off, communicator: communicator, isStopped: { StopRequest.isPending })
    } catch is EvaluationStopped {
      return nil
    }
    try communicator.collectively {
      guard let evaluation, let recorder else { return }
      try output.attempt { try write(evaluation, recorder) }
    }
    let figure = try communicator.broadcast(value: evaluation?.decisive ?? -1)
    checkpoints.record(figure: figure, step: step)
    return figure
  }

  private func write(_ evaluation: Task.Evaluator.Evaluation, _ recorder: RunRecorder) throws {
    let files = directory.evaluation(step: step)
    try requireDirectoryInPlace()
    try files.create()
    let remarks = try evaluation.write(to: files, isLast: step == totalSteps)
    try recorder.record(
      EvaluationMetrics(
        step: step, epoch: Double(step) / Double(schedule.stepsPerEpoch), figures: evaluation.figures,
        seconds: evaluation.seconds), classes: evaluation.classFigures)
    for remark in remarks { console.say(remark) }
    recorder.attemptReport {
      try RunDirectory.createEntry(files.examples)
      let analysis = try evaluation.analysis(drawingTo: files)
      try writeJSON(analysis, to: files.analysisFile)
      if step < totalSteps { return try recorder.writeReport() }
      // The last page is made when the run has finished.
      if let remark = Typeface.ofThisProcess.remark(pictures: analysis.examples.count) { console.warn(remark) }
    }
  }
}
