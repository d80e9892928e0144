import Distributed
import Tensors

/// `dropblock-sweep`: checkpoints evaluated with DropBlock at many rates and block sizes, Figure 5 of the paper.
///
/// `sweep.csv` gets a line an evaluation as they come, and the same command goes on with those that it lacks; `sweep.svg` shows
/// all of its lines.
public struct DropBlockSweepRequest: Sendable {
  /// The checkpoints; names differ.
  public var checkpoints: [NamedCheckpoint]
  /// The rates and block sizes.
  public var grid: SweepGrid
  /// Where DropBlock acts, and its seed.
  public var setting: DropBlockOption.Setting
  /// Where the configurations come from.
  public var configuration: CheckpointConfiguration
  /// The directory of the files.
  public var output: String

  /// A request.
  ///
  /// Throws 64 for no checkpoint, and for two of one name.
  public init(
    checkpoints: [NamedCheckpoint], grid: SweepGrid, setting: DropBlockOption.Setting,
    configuration: CheckpointConfiguration, output: String
  ) throws {
    try NamedCheckpoint.requireDifferentNames(checkpoints)
    if checkpoints.isEmpty { throw InputError(.usage, "--checkpoint: expected at least one; got none") }
    (self.checkpoints, self.grid, self.setting) = (checkpoints, grid, setting)
    (self.configuration, self.output) = (configuration, output)
  }

  /// Evaluates on all ranks and ends the process.
  public func run() -> Never {
    Launch.onRanks(
      // The checkpoints say how long ranks may wait for each other; until they are read, as long as by default.
      deadlineSeconds: Configuration().distributed.deadlineSeconds,
      prepare: { mpi, console in try subjects(mpi.world, console) },
      configuration: { $0[0].configuration }
    ) { mpi, _, console, subjects in
      try Sweep(self, subjects, mpi.world, console).run()
      return .success
    }
  }

  /// A checkpoint that was opened and looked at, and given back; the first look finds what is wrong with any of them.
  fileprivate struct Subject {
    let checkpoint: NamedCheckpoint
    let configuration: Configuration
    let identity: SweepTable.Identity
    /// The name of the figure that the chart shows.
    let decisiveFigure: String
  }

  private func subjects(_ communicator: Communicator, _ console: Console) throws -> [Subject] {
    let subjects = try checkpoints.map { checkpoint in
      let trained = try open(checkpoint, communicator, warn: { console.warn($0) })
      let configuration = trained.configuration
      let groups = try communicator.collectively {
        try setting.groups(of: configuration, option: "\(checkpoint.name): --groups")
      }
      return Subject(
        checkpoint: checkpoint, configuration: configuration,
        identity: SweepTable.Identity(
          checkpoint: checkpoint.name, digest: trained.digest, seed: setting.seed, groups: groups,
          isGroupScaled: setting.isGroupScaled),
        decisiveFigure: Self.decisiveFigure(of: configuration.task))
    }
    try communicator.collectively { try Self.requireComparable(subjects) }
    return subjects
  }

  /// Throws 78 for checkpoints that belong into no common chart.
  private static func requireComparable(_ subjects: [Subject]) throws(InputError) {
    let first = subjects[0]
    for other in subjects {
      func mistake(_ what: String, _ own: String, _ others: String, _ remedy: String) -> InputError {
        InputError(
          .badConfiguration,
          "--checkpoint: expected \(what); got \(own) of \(first.checkpoint.name) and \(others) of "
            + "\(other.checkpoint.name); \(remedy)")
      }
      if other.decisiveFigure != first.decisiveFigure {
        throw mistake("checkpoints with one figure", first.decisiveFigure, other.decisiveFigure, "sweep them apart")
      }
      if other.identity.groups != first.identity.groups {
        throw mistake(
          "DropBlock in the same groups", first.identity.groups.yaml, other.identity.groups.yaml,
          "say which with --groups")
      }
    }
  }

  private static func decisiveFigure<Task: TrainingTask>(of task: Task) -> String {
    Task.Evaluator.Evaluation.decisiveFigure
  }

  fileprivate func open(
    _ checkpoint: NamedCheckpoint, _ communicator: Communicator, warn: (String) -> Void
  ) throws -> TrainedModel {
    try TrainedModel(
      checkpoint: checkpoint.path, configuration: configuration.resolve, communicator: communicator, warn: warn)
  }
}

/// A sweep on the ranks, of which the first one writes.
private struct Sweep {
  let request: DropBlockSweepRequest
  let subjects: [DropBlockSweepRequest.Subject]
  let communicator: Communicator
  let console: Console
  private let directory: RunDirectory
  /// On the first rank.
  private let claim: RunClaim?
  private let table: SweepTable?

  private var tableFile: String { "\(directory.path)/sweep.csv" }
  private var chartFile: String { "\(directory.path)/sweep.svg" }

  /// Takes the directory and reads what an earlier sweep left; all ranks call it, and throw the same error.
  init(
    _ request: DropBlockSweepRequest, _ subjects: [DropBlockSweepRequest.Subject], _ communicator: Communicator,
    _ console: Console
  ) throws {
    (self.request, self.subjects, self.communicator, self.console) = (request, subjects, communicator, console)
    let directory = RunDirectory(path: request.output)
    self.directory = directory
    (claim, table) = try communicator.collectively { () -> (RunClaim?, SweepTable?) in
      if communicator.rank != 0 { return (nil, nil) }
      try directory.create()
      let claim = try RunClaim(directory, say: { console.say($0) })
      return (claim, try SweepTable(path: "\(directory.path)/sweep.csv", subjects.map(\.identity)))
    }
  }

  func run() throws {
    communicator.phase = "evaluation"
    let missing = try communicator.broadcast(
      value: subjects.map { subject in
        request.grid.points {
          table?.contains(subject.identity.checkpoint, blockSize: $0, keepProbability: $1) ?? false
        }
      })
    let count = missing.reduce(0) { $0 + $1.count }
    if let table, !table.rows.isEmpty {
      console.say("\(shown(tableFile)): \(table.rows.count) rows are there already")
    }
    var done = 0
    for (subject, points) in zip(subjects, missing) where !points.isEmpty {
      let trained = try request.open(subject.checkpoint, communicator, warn: { _ in })
      try evaluate(trained.configuration.task, trained, subject, points, before: done, of: count)
      done += points.count
    }
    try communicator.collectively {
      guard let table else { return }
      try draw(table)
      console.say("\(table.rows.count) rows -> \(shown(tableFile)), drawn in \(shown(chartFile))")
    }
  }

  /// Evaluates what the table lacks of a checkpoint; `before` of the `count` evaluations are done.
  private func evaluate<Task: TrainingTask>(
    _ task: Task, _ trained: TrainedModel, _ subject: DropBlockSweepRequest.Subject, _ points: [SweepPoint],
    before: Int, of count: Int
  ) throws {
    if let warning = trained.warningOfClasses(subject.checkpoint.path) { console.warn(warning) }
    let evaluator = try task.openEvaluator(
      engine: trained.engine, store: trained.store, classes: trained.classes, communicator: communicator)
    console.data([evaluator.census])
    for (number, point) in points.enumerated() {
      let dropBlock = try communicator.collectively {
        try DropBlockOption(
          keepProbability: point.keepProbability, blockSize: point.blockSizes[0], setting: request.setting
        ).resolved(for: trained.configuration, option: "--groups")
      }
      let evaluation = try evaluator.evaluate(
        dropBlock: dropBlock, communicator: communicator, isStopped: { false })
      try communicator.collectively {
        guard let evaluation, let table else { return }
        try claim?.directory.requireInPlace()
        try table.append(point, of: subject.identity, evaluation.figures)
        console.say(
          "\(before + number + 1) of \(count): \(subject.checkpoint.name), \(point.text): \(subject.decisiveFigure) "
            + "\(NumberText.fixed(evaluation.decisive, 4)) in \(NumberText.duration(evaluation.seconds))")
        try draw(table)
      }
    }
  }

  /// Writes the chart of all rows, of this sweep and of earlier ones.
  private func draw(_ table: SweepTable) throws {
    let (identity, figure) = (subjects[0].identity, subjects[0].decisiveFigure)
    guard let place = table.figureNames.firstIndex(of: figure) else { return }
    let chart = SweepChart(
      title: "\(figure) with DropBlock at inference: groups \(identity.groupList)"
        + (identity.isGroupScaled ? ", scaled" : "") + ", seed \(identity.seed)",
      figure: figure, names: subjects.map(\.identity.checkpoint),
      points: table.rows.map {
        SweepChart.Point(
          name: $0.checkpoint, blockSize: $0.blockSize, keepProbability: $0.keepProbability, value: $0.figures[place])
      })
    try RunDirectory.replace(chartFile, with: chart.svg)
  }
}
