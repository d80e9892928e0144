import Distributed
import Tensors

/// `train`: a run from its configuration to its last evaluation.
public struct TrainRequest: Sendable {
  /// The configuration.
  public var configuration: Configuration
  /// The run directory, or nil for `runs/NAME`.
  public var output: String?
  /// Where the run starts from.
  public var resume: ResumeSource
  /// Whether everything is prepared, described and timed, but nothing trained.
  public var isDryRun: Bool
  /// What the run does to itself.
  public var faults: [InjectedFault]

  /// A request.
  public init(
    configuration: Configuration, output: String?, resume: ResumeSource, isDryRun: Bool = false,
    faults: [InjectedFault] = []
  ) {
    (self.configuration, self.output, self.resume, self.isDryRun) = (configuration, output, resume, isDryRun)
    self.faults = faults
  }

  /// Trains on all ranks and ends the process: 0 when finished, 75 when stopped by a signal after a checkpoint.
  public func run() -> Never {
    // Before MPI starts, so that no signal finds the ranks unprepared.
    StopRequest.listen(Launcher(environment: processEnvironment()))
    Launch.onRanks(configuration) { mpi, threads, console in
      try train(configuration.task, mpi, threads, console)
    }
  }

  private func train<Task: TrainingTask>(
    _ task: Task, _ mpi: MPIEnvironment, _ threads: ThreadChoice, _ console: Console
  ) throws -> ExitCode {
    let run = try TrainingRun(
      task, output: output, resume: resume, isDryRun: isDryRun, mpi: mpi, threads: threads, console: console,
      faults: faults)
    if isDryRun {
      try run.sayNeeds()
      return .success
    }
    // What is said of an end must be in the log before the run gives its directory back.
    defer { withExtendedLifetime(run) {} }
    do {
      switch try run.run() {
      case .finished: return .success
      case .interrupted: return .interrupted
      }
    } catch let error as RankError {
      console.log(mpi.world.watch?.report ?? "\(error)")
      throw error
    }
  }
}
