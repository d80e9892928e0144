import Distributed
import Foundation
import Tensors

/// What every command that runs on ranks does first and last.
public enum Launch {
  /// Joins the ranks, checks how they were launched, settles the threads, runs `body` and leaves with its code; errors
  /// leave with theirs.
  ///
  /// The configuration is loaded before, so that its errors need no MPI.
  public static func onRanks(
    _ configuration: Configuration, _ body: (MPIEnvironment, ThreadChoice, Console) throws -> ExitCode
  ) -> Never {
    onRanks(
      deadlineSeconds: configuration.distributed.deadlineSeconds, prepare: { _, _ in configuration },
      configuration: { $0 }
    ) { mpi, threads, console, _ in try body(mpi, threads, console) }
  }

  /// The same where the configuration is known only after the ranks have joined, as part of something that `prepare` makes.
  static func onRanks<Prepared>(
    deadlineSeconds: Double, prepare: (MPIEnvironment, Console) throws -> Prepared,
    configuration: (Prepared) -> Configuration,
    _ body: (MPIEnvironment, ThreadChoice, Console, Prepared) throws -> ExitCode
  ) -> Never {
    let mpi: MPIEnvironment
    do {
      mpi = try MPIEnvironment.start(deadlineSeconds: deadlineSeconds)
    } catch {
      fail(error)
    }
    do {
      let console = Console(style: .ofThisProcess(rank: mpi.world.rank))
      let prepared = try prepare(mpi, console)
      configuration(prepared).planner.instructions.limitLibrary()
      mpi.world.deadlineSeconds = configuration(prepared).distributed.deadlineSeconds
      try mpi.watchRanks()
      let context = try CheckContext(configuration(prepared), mpi: mpi)
      for warning in try RunCheck.require(RunCheck.atStart, context) { console.warn(warning) }
      guard let threads = context.threads else { fatalError("the checks at start settle the threads") }
      ThreadPool.setThreadCount(threads.threads)
      mpi.leave(try body(mpi, threads, console, prepared))
    } catch {
      mpi.leave(after: error)
    }
  }

  /// Ends a process that has not joined the others, with an error's code and message; see `leave`.
  public static func fail(_ error: any Error) -> Never {
    let user = error as? any UserError
    leave(user?.exitCode ?? .internalError, user?.description ?? "internal error: \(error)")
  }

  /// Ends a process that has not joined the others: one message a job.
  ///
  /// Every rank meets the same bad command line or file, so the first one speaks. mpirun kills all the others as soon
  /// as one has ended with a code, so the first must be the first to end: the others wait for that. Where they live on,
  /// the mistake is not the first one's, and they name it themselves, one after the other.
  public static func leave(_ code: ExitCode, _ message: String) -> Never {
    var place = ""
    if launchedRank() != 0 {
      let environment = processEnvironment()
      let localRank = environment["OMPI_COMM_WORLD_LOCAL_RANK"] ?? environment["SLURM_LOCALID"] ?? "0"
      Thread.sleep(forTimeInterval: 3 + 0.2 * (Double(localRank) ?? 0))
      place = "rank \(launchedRank()) on \(hostName()): "
    }
    printError("error: \(place)\(message)")
    exit(code.rawValue)
  }
}
