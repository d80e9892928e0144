import Distributed
import Graph
import Tensors

/// Steps that are recorded for the table and the trace.
private let recordedSteps = 3

/// What a benchmark measures.
struct BenchmarkLength {
  /// Steps in front that do not count, from 0.
  let warmup: Int
  /// Timed steps, from 1.
  let steps: Int
  /// Pairs of steps with and without the regulariser, from 0.
  let pairs: Int
}

/// The measurements of `bench`: timed steps first, then steps that are recorded, then pairs with and without the regulariser.
///
/// Recording disturbs, so timed steps are not recorded.
final class Benchmark<Task: TrainingTask> {
  private let configuration: Configuration
  private let communicator: Communicator
  private let threads: ThreadChoice
  private let console: Console
  private let replica: Replica<Task>
  private let input: BenchmarkInput<Task>
  private let timer: StepTimer<Task>

  /// Plans the model and makes the input; all ranks call it, and throw the same error.
  ///
  /// - Parameter timesMethods: whether every method of every convolution is timed, known choices or not.
  init(
    _ task: Task, communicator: Communicator, threads: ThreadChoice, console: Console, timesMethods: Bool
  ) throws {
    let configuration = task.configuration
    (self.configuration, self.communicator) = (configuration, communicator)
    (self.threads, self.console) = (threads, console)
    let (batch, choices) = try communicator.collectively {
      (
        try configuration.batchPlan(ranks: communicator.size),
        try PlanChoices(configuration, threads: threads.threads, resumed: nil, timesAll: timesMethods)
      )
    }
    communicator.phase = "data"
    input = try BenchmarkInput(task, batch: batch, communicator: communicator)
    communicator.phase = "planning"
    let plan = try choices.plan(
      task.trainingGraph(imagesPerRank: batch.perRank), engine: Engine(), communicator: communicator)
    plan.parameters.initialize(seed: configuration.random.seed)
    plan.parametersChanged()
    replica = Replica(task, plan: plan, communicator: communicator, batch: batch, totalSteps: 1)
    timer = StepTimer(replica, input: input)
  }

  /// Measures on all ranks and tells the console; the report and every rank's part of the trace, on the first rank.
  func run(_ length: BenchmarkLength) throws -> (report: BenchmarkReport, trace: [ChromeTrace.Rank]) {
    sayHeader()
    communicator.phase = "benchmark"
    try timer.run(steps: length.warmup)
    let times = try timer.run(steps: length.steps)
    let peak = try communicator.largestPeakResidentBytes()
    let furtherRanks = try proportionalBytesOfFurtherRanks()
    try input.tellFaults(warn: console.warn)

    let timeline = Timeline()
    try communicator.barrier()
    let origin = monotonicSeconds()
    var recordings: [StepRecording] = []
    var recorded = StepTimer<Task>.Times()
    for _ in 0..<recordedSteps {
      let earlier = timeline.spans.count
      let own = try timer.run(steps: 1, timeline: timeline)
      recordings.append(StepRecording(Array(timeline.spans[earlier...])))
      recorded.ownStep += own.ownStep
      recorded.ownCompute += own.ownCompute
    }
    let table = OperationTable(timeline.spans, steps: recordedSteps, stepSeconds: recorded.ownStep.mean)
    let transfers = timeline.spans.filter { $0.row == .allreduce }.coveredSeconds / Double(recordedSteps)
    let trace = try ChromeTrace.gather(
      ChromeTrace.Rank(host: communicator.host, origin: origin, spans: timeline.spans), communicator)

    let compute = times.compute.median
    let communication = try communication(
      StepRecording(meanOf: recordings, times: compute / recorded.ownCompute.mean), computeSeconds: compute,
      furtherRankBytes: furtherRanks)

    let rate = configuration.precision == .f32 ? MultiplierRate.operationsPerSecond() : 0
    let floor =
      rate > 0
      ? BenchmarkReport.Floor(
        multiplier_gflops: rate / 1e9, seconds: table.leastOperations / rate,
        percent: table.leastOperations / rate / times.step.median * 100) : nil
    let size = configuration.input.size
    let report = BenchmarkReport(
      model: ModelDescription.title(configuration), image_size: [size.height, size.width],
      precision: configuration.precision.rawValue, ranks: communicator.size, threads_per_rank: threads.threads,
      batch_per_rank: replica.batch.perRank, steps: length.steps,
      images_per_second: Double(replica.batch.global) / times.step.median, step_seconds: .init(times.step),
      peak_rss_bytes: peak, regularizer_seconds: table.seconds(ofKind: Plan.maskDrawing),
      allreduce: .init(
        bytes: communicator.size > 1 ? replica.reducer.bytes : 0, seconds: transfers,
        exposed_seconds: times.exposed.mean),
      data_seconds: times.data.mean, floor: floor, operations: table.operations.map(BenchmarkReport.Operation.init),
      methods: replica.plan.timings.map(BenchmarkReport.Method.init),
      dropblock: length.pairs > 0 ? try dropBlockCost(pairs: length.pairs) : nil, communication: communication)
    say(report, furtherRanks: furtherRanks, table: table)
    return (report, trace)
  }

  /// What `plan` needs; all ranks call it, and measure what transfers cost at the same time.
  private func communication(
    _ recording: StepRecording, computeSeconds: Double, furtherRankBytes: Int
  ) throws -> CommunicationReport {
    let costs = try TransferCosts.measure(communicator)
    let (buckets, store) = (replica.reducer.buckets, replica.plan.parameters)
    let firstOfNode: Int64 = communicator.localRank == 0 ? 1 : 0
    let nodes = Int(try communicator.allreduced(firstOfNode, .sum))
    return CommunicationReport(
      nodes: nodes, ranks_per_node: communicator.size / nodes, passes: replica.batch.accumulate,
      summation: configuration.gradientSummation, bucket_bytes: configuration.distributed.bucketBytes,
      compute_seconds: computeSeconds, pass_seconds: recording.passSeconds, poll_seconds: recording.polls,
      buckets: buckets.ranges.indices.map { bucket in
        CommunicationReport.Bucket(
          bytes: buckets.ranges[bucket].count * MemoryLayout<Float>.stride, is_exact: buckets.isExact[bucket],
          ready_seconds: recording.ready[bucket], update_seconds: recording.updates[bucket])
      },
      rank_sums: zip(recording.sumTimes, recording.sumBytes).map {
        CommunicationReport.RankSum(at_seconds: $0, bytes: $1)
      },
      costs: costs, further_rank_bytes: furtherRankBytes,
      checkpoint_bytes: store.checkpointBytes)
  }

  /// Times pairs of steps, each pair in the other order than the one before, so that drift falls on both sides.
  private func dropBlockCost(pairs: Int) throws -> BenchmarkReport.DropBlockCost {
    var seconds: [Bool: [Double]] = [:]
    for pair in 0..<pairs {
      for isRegularized in pair.isMultiple(of: 2) ? [true, false] : [false, true] {
        seconds[isRegularized, default: []] += try timer.run(steps: 1, isRegularized: isRegularized).step
      }
    }
    return BenchmarkReport.DropBlockCost(on: seconds[true] ?? [], off: seconds[false] ?? [])
  }

  /// The largest resident share of any rank but the first of its node, in bytes; 0 where there is none.
  private func proportionalBytesOfFurtherRanks() throws -> Int {
    let own = communicator.localRank == 0 ? 0 : proportionalResidentBytes()
    return Int(try communicator.allreduced(Int64(own), .maximum))
  }

  private func sayHeader() {
    console.header(
      "dropblock-dist bench: \(configuration.name)",
      [
        ("model", ModelDescription.title(configuration)),
        (
          configuration.regularizerTitle,
          configuration.regularizerSettings.map { "\($0.summary), in every step" } ?? "off"
        ),
        ("ranks", "\(communicator.size) x \(threads.threads) threads, \(configuration.precision.rawValue)"),
        ("batch", "\(replica.batch.global) images a step, \(replica.batch.perRank) on a rank at a time"),
        (
          "input",
          configuration.benchmark.input == .data
            ? "training images" : "synthetic, \(replica.task.syntheticObjects)"
        ),
      ])
  }

  private func say(_ report: BenchmarkReport, furtherRanks: Int, table: OperationTable) {
    func milliseconds(_ seconds: Double) -> String { "\(NumberText.fixed(seconds * 1e3, 2)) ms" }
    let step = report.step_seconds
    var rows = [
      ("images/s", NumberText.significant(report.images_per_second)),
      (
        "step",
        "\(milliseconds(step.median)), median of \(report.steps) (\(milliseconds(step.min)) to \(milliseconds(step.max)))"
      ),
      ("data", "\(milliseconds(report.data_seconds)) of a step wait for the batch"),
      (
        "MPI",
        "\(milliseconds(report.allreduce.exposed_seconds)) of a step inside MPI calls; \(report.allreduce.bytes >> 20) MiB "
          + "of gradients under way for \(milliseconds(report.allreduce.seconds))"
      ),
      (
        configuration.regularizerTitle,
        "\(milliseconds(report.regularizer_seconds)) of a step to draw masks; applying them is part of the operations below"
      ),
      (
        "memory",
        "\(report.peak_rss_bytes >> 20) MiB resident at most in the largest rank"
          + (furtherRanks > 0 ? "; each further rank of a node \(furtherRanks >> 20) MiB (Pss)" : "")
      ),
    ]
    if let floor = report.floor {
      rows.append(
        (
          "arithmetic",
          "\(NumberText.fixed(floor.percent, 0)) % of the limit: the multiplications that convolutions cannot do without take "
            + "\(milliseconds(floor.seconds)) at \(NumberText.fixed(floor.multiplier_gflops, 0)) GFLOP/s"
        ))
    }
    if let cost = report.dropblock {
      rows.append(
        (
          "with/without",
          "\(configuration.regularizerTitle) costs \(NumberText.fixed(cost.percent, 2)) % of a step, median of \(cost.pairs) pairs "
            + "(\(milliseconds(cost.on_seconds)) with, \(milliseconds(cost.off_seconds)) without)"
        ))
    }
    console.header("measured", rows)
    let methods = MethodTable(replica.plan.timings)
    if !methods.isEmpty { console.say("\n\(methods.text)") }
    console.say("\n\(table.text)")
  }
}
