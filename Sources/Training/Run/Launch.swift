import Distributed
import Foundation
import Tensors

/// What every command that runs on ranks does first and last.
public enum Launch {
  /// Joins the ranks, settles the threads, runs `body` and leaves with its code; errors leave with theirs.
  ///
  /// The configuration is loaded before, so that its errors need no MPI.
  public static func onRanks(
    _ configuration: Configuration, _ body: (MPIEnvironment, ThreadChoice) throws -> ExitCode
  ) -> Never {
    let mpi: MPIEnvironment
    do {
      mpi = try MPIEnvironment.start(deadlineSeconds: configuration.distributed.deadlineSeconds)
    } catch {
      fail(error)
    }
    do {
      let threads = try mpi.world.collectively {
        try ThreadChoice.choose(
          configured: configuration.threadsPerRank, facts: try LaunchFacts.gather(mpi))
      }
      ThreadPool.setThreadCount(threads.threads)
      mpi.leave(try body(mpi, threads))
    } catch {
      mpi.leave(after: error)
    }
  }

  /// Runs `body` in this process alone; errors leave with their code.
  public static func alone(_ body: () throws -> Void) -> Never {
    do {
      try body()
    } catch {
      fail(error)
    }
    exit(ExitCode.success.rawValue)
  }

  /// Ends a process that has not joined the others: the first rank prints, all leave with the code.
  public static func fail(_ error: any Error) -> Never {
    let user = error as? any UserError
    if launchedRank() == 0 {
      let message = user.map { "error: \($0.description)\n" } ?? "internal error: \(error)\n"
      FileHandle.standardError.write(Data(message.utf8))
    }
    exit((user?.exitCode ?? .internalError).rawValue)
  }
}
