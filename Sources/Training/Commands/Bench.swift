import Datasets
import Distributed
import Tensors

/// `bench`: how long a training step takes, and what of.
public struct BenchRequest: Sendable {
  /// The configuration.
  public var configuration: Configuration
  /// Timed steps, from 1.
  public var steps: Int
  /// Steps in front that do not count, from 0.
  public var warmup: Int
  /// Pairs of steps with and without the regulariser, from 0.
  public var pairs: Int
  /// Whether every method of every convolution is timed alone besides.
  public var methods: Bool
  /// The file that gets the figures as JSON.
  public var json: String?
  /// The file that gets the timelines of all ranks as trace events.
  public var trace: String?

  /// A request.
  public init(
    configuration: Configuration, steps: Int = 5, warmup: Int = 2, pairs: Int = 0, methods: Bool = false,
    json: String? = nil, trace: String? = nil
  ) {
    (self.configuration, self.steps, self.warmup, self.pairs) = (configuration, steps, warmup, pairs)
    (self.methods, self.json, self.trace) = (methods, json, trace)
  }

  /// Measures on all ranks and ends the process.
  public func run() -> Never {
    Launch.onRanks(configuration) { mpi, threads, console in
      let communicator = mpi.world
      try communicator.collectively { try check(rank: communicator.rank) }
      let (report, trace) = try measure(communicator, threads, console)
      try communicator.collectively {
        guard communicator.rank == 0 else { return }
        if let json { try writeJSON(report, to: json) }
        if let path = self.trace { try ChromeTrace(trace).write(to: path) }
      }
      return .success
    }
  }

  /// What is timed: the configured task, with its regulariser at the final rate in every step.
  private var task: any TrainingTask {
    var configuration = configuration
    configuration.setConstantDropRates()
    return configuration.task
  }

  /// Measures on all ranks and tells the console; the report and every rank's part of the trace, on the first rank.
  func measure(
    _ communicator: Communicator, _ threads: ThreadChoice, _ console: Console
  ) throws -> (report: BenchmarkReport, trace: [ChromeTrace.Rank]) {
    try measure(task, communicator, threads, console)
  }

  private func measure<Task: TrainingTask>(
    _ task: Task, _ communicator: Communicator, _ threads: ThreadChoice, _ console: Console
  ) throws -> (report: BenchmarkReport, trace: [ChromeTrace.Rank]) {
    try Benchmark(task, communicator: communicator, threads: threads, console: console, timesMethods: methods)
      .run(BenchmarkLength(warmup: warmup, steps: steps, pairs: pairs))
  }

  /// Throws what would otherwise be found only after the work: 73 for outputs, 78 for the configuration.
  private func check(rank: Int) throws {
    try configuration.requireRunnable()
    if pairs > 0 && configuration.regularizerSettings == nil {
      throw InputError(
        .badConfiguration,
        "--compare-dropblock: no regulariser is on (dropblock.groups is empty), so there is nothing to compare; "
          + "add --set \"dropblock.groups=[3, 4]\"")
    }
    if rank == 0 { for path in [json, trace] { try path.map(requireWritable) } }
  }
}
