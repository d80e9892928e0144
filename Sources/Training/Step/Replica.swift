import Distributed
import Graph
import Regularization
import Tensors

/// One rank's copy of the model with everything that a training step needs.
///
/// The step is `accumulate` micro-batches forward and backward; the gradient buckets of the last one are summed over ranks
/// while it still computes; then each slice of the parameters moves as its bucket arrives.
final class Replica<Task: TrainingTask> {
  /// What is trained.
  let task: Task
  /// The planned training graph.
  let plan: Plan
  /// The ranks.
  let communicator: Communicator
  /// Sums gradient buckets over ranks.
  let reducer: GradientReducer
  /// Images in a pass and in an update.
  let batch: BatchPlan

  /// The regulariser of the run, or nil where all are off.
  let regularization: RunRegularization?

  private let seed: UInt64
  /// Adds up the passes of a step.
  let passSum: PassSum

  /// A replica of a planned model; all ranks hold the same parameters already.
  ///
  /// - Parameters:
  ///   - totalSteps: steps of the schedules, from 1.
  ///   - stepsPerEpoch: from 1; only a schedule by epoch asks for it.
  init(
    _ task: Task, plan: Plan, communicator: Communicator, batch: BatchPlan, totalSteps: Int, stepsPerEpoch: Int = 1
  ) {
    (self.task, self.plan, self.communicator, self.batch) = (task, plan, communicator, batch)
    regularization = RunRegularization(
      task.configuration, totalSteps: totalSteps, stepsPerEpoch: stepsPerEpoch, extent: plan.maskExtent)
    seed = task.configuration.random.seed
    let store = plan.parameters
    task.configuration.optimizer.prepare(store)
    let summation = task.configuration.gradientSummation
    reducer = GradientReducer(
      communicator, base: store.gradientArena.baseAddress!,
      buckets: GradientBuckets.cut(
        store.trainedRanges, head: 0..<ParameterStore.headCount, tail: store.statisticsRange,
        separatesExact: summation == .halfPrecision, bucketBytes: task.configuration.distributed.bucketBytes),
      summation: summation)
    passSum = PassSum(store, passes: batch.accumulate, order: batch.hasShards ? .tree : .chain)
  }

  /// What a step found, over all ranks.
  struct Result: Sendable {
    /// Means over ranks and micro-batches of what the losses found; tasks name them.
    var means: [Double]
    /// Whether every rank's loss was finite, and the parameters moved.
    var isFinite: Bool
    /// Whether this rank's losses were finite in every pass.
    var isFiniteHere: Bool
    /// Whether any rank was asked to stop.
    var stopIsRequested: Bool
    /// Whether any rank had news for the others.
    var hasNews: Bool
    /// Seconds of the step that its thread spent in MPI calls of any kind.
    var exposedSeconds: Double
  }

  /// What enters one micro-batch.
  struct MicroBatch {
    /// Normalised images (N, 3, H, W) in plain order.
    let images: UnsafeBufferPointer<Float>
    /// What the losses want of each image.
    let targets: [Task.ImageTargets]

    /// A micro-batch.
    init(images: UnsafeBufferPointer<Float>, targets: [Task.ImageTargets]) {
      (self.images, self.targets) = (images, targets)
    }
  }

  /// One update: forward and backward of every micro-batch, the sum over ranks, and SGD.
  ///
  /// `nextBatch` is asked once for each micro-batch. Nothing moves when any rank's loss is not finite.
  /// - Parameters:
  ///   - hasNews: whether this rank has something to tell; all ranks learn in the result that one has.
  ///   - isRegularized: false leaves the regulariser out where the configuration has one.
  ///   - timeline: gets everything that this rank does in the step.
  func step(
    _ step: Int, learningRate: Double, hasNews: Bool = false, isRegularized: Bool = true, timeline: Timeline? = nil,
    nextBatch: () throws -> MicroBatch
  ) throws -> Result {
    let (secondsInMPI, activity) = (communicator.secondsInMPI, communicator.activity)
    activity.enter(step: step + 1)
    defer { activity.enter(step: nil) }
    reducer.beginStep(timeline)
    var head = StepHead(stopIsRequested: StopRequest.isPending, hasNews: hasNews)
    var isFiniteHere = true
    let savedStatistics = Array(plan.parameters.runningStatistics)
    let optimizer = task.configuration.optimizer
    var update = Update(
      optimizer.descent(step: step, learningRate: learningRate, addends: batch.passes), timeline)
    for pass in 0..<batch.accumulate {
      // A shard acts as a rank: it starts from the statistics of the step before.
      if batch.hasShards { _ = plan.parameters.runningStatistics.update(fromContentsOf: savedStatistics) }
      let isLast = pass == batch.accumulate - 1
      activity.begin(.batch)
      let microBatch = try timeline.measure(.batch) { try notingAgreement(timeline) { try nextBatch() } }
      timeline.measure(.images) { _ = plan.inputImages.update(fromContentsOf: microBatch.images) }
      let targets = try timeline.measure(.targets) {
        try notingAgreement(timeline) { try task.batchTargets(microBatch.targets, communicator: communicator) }
      }
      var context = context(step, pass: pass, targets, timeline)
      if !isRegularized { context.regularization = nil }
      if communicator.size > 1 { context.operationBegins = { activity.begin($0) } }
      plan.forward(context)
      head.take(targets)
      isFiniteHere = isFiniteHere && head.isFinite
      head.write(to: plan.parameters.gradientArena)
      if isLast {
        try backward(context, &update)
      } else {
        plan.backward(context)
        timeline.measure(.accumulation) { passSum.keep() }
      }
    }
    let found = try finish(&update, savedStatistics: savedStatistics)
    return Result(
      means: found.results.prefix(head.results.count).map { $0 / Double(batch.passes) }, isFinite: found.isFinite,
      isFiniteHere: isFiniteHere, stopIsRequested: found.stopIsRequested, hasNews: found.hasNews,
      exposedSeconds: communicator.secondsInMPI - secondsInMPI)
  }

  /// What a pass of a step computes with, apart from its images.
  func context(_ step: Int, pass: Int, _ targets: any BatchTargets, _ timeline: Timeline? = nil) -> RunContext {
    RunContext(
      step: step, maskStream: maskStream(pass), regularization: regularization?.step(step), targets: targets,
      rankSums: rankSums(timeline), timeline: timeline)
  }

  /// Runs `body` and records what of it was spent inside MPI.
  private func notingAgreement<Value>(_ timeline: Timeline?, _ body: () throws -> Value) rethrows -> Value {
    guard let timeline else { return try body() }
    let before = communicator.secondsInMPI
    let value = try body()
    let seconds = communicator.secondsInMPI - before
    if seconds > 0 { timeline.add(.agreement, row: .statistics, since: monotonicSeconds() - seconds) }
    return value
  }

  /// A rank alone has nothing to sum; a timeline wants to know all the same where several ranks would.
  private func rankSums(_ timeline: Timeline?) -> (any RankSums)? {
    communicator.size > 1 || timeline != nil ? RankSumsOverMPI(communicator: communicator, timeline: timeline) : nil
  }

  /// The random numbers of this rank's masks in a micro-batch.
  private func maskStream(_ pass: Int) -> MaskStream {
    let place = batch.order.place(
      ofPass: pass, rank: communicator.rank, passes: batch.accumulate, ranks: communicator.size)
    switch task.configuration.random.stream {
    case .rank where batch.hasShards: return .perRank(seed: seed, rank: place)
    case .rank: return .perRank(seed: seed, rank: communicator.rank, firstSample: pass * batch.perRank)
    case .sample: return .perSample(seed: seed, firstPosition: place * batch.perRank)
    }
  }
}
