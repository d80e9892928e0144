import COpenMPI
import Glibc
import Tensors

// Note [Leaving together]
// mpirun's exit code is that of the first rank that ends with one other than 0, and it then kills the rest. So:
// - All ranks know the reason (`collectively`, `firstError`, `agreeOnLargest`): rank 0 prints it, and every rank ends
//   MPI before it exits. Nothing is cut off; mpirun returns the code and adds four lines of its own.
// - One rank knows, the others may be inside a collective: `abort`. MPI_Abort makes mpirun kill the other ranks and
//   return the code. What they have not yet written is lost.
// - The job stands still and one rank has told all others (Note [Watching each other]): that one speaks and aborts; the
//   others give it time to, and speak and abort themselves where it has not.
// - A wait passed its deadline and nobody told anything: most ranks find out within the same second, so each prints its
//   line and then gives the others time to do the same before it aborts.
// Both ways were checked against mpirun 4.1.4: it returns 65, 74 and 75 as they were given.

/// How long a rank that saw a stall lets the others report theirs, in seconds.
private let stallGraceSeconds = 2.0

extension MPIEnvironment {
  /// Ends MPI and the process, on every rank with the same code; all ranks must call it.
  public func leave(_ code: ExitCode) -> Never {
    finalize()
    exit(code.rawValue)
  }

  /// Ends the process with an error's code and message, in the way that the error allows; see Note [Leaving together].
  ///
  /// An `AgreedError` is printed by rank 0 alone and all ranks leave in order. Any other error is this rank's own, so it
  /// ends the whole job.
  public func leave(after error: any Error) -> Never {
    switch error {
    case let error as AgreedError:
      if world.rank == 0 { printError("error: \(error)") }
      leave(error.exitCode)
    case let error as RankError:
      world.abort(after: error)
    case let error as any UserError:
      world.abort(error.exitCode, "error: \(error)")
    default:
      world.abort(.internalError, "internal error: \(error)")
    }
  }
}

extension Communicator {
  /// Ends the whole job from this one rank with `code`, after `message` on standard error.
  ///
  /// For a failure that the other ranks cannot learn of in a collective. With one rank it is a plain exit.
  public func abort(_ code: ExitCode, _ message: String) -> Never {
    printError(message)
    abort(code, graceSeconds: 0)
  }

  /// Ends the whole job from this one rank after a failure that the others have met as well, or were told of.
  public func abort(after error: RankError) -> Never {
    let grace = watch?.beginLeaving()
    if error.isTold, watch?.report == nil {
      // The rank that told it has printed it and ends the job within this time, unless something ended that rank.
      wait(seconds: grace ?? 0)
      abort(error.exitCode, "error: \(error)")
    }
    printError("error: \(error)")
    abort(error.exitCode, graceSeconds: error.isTold ? grace ?? 0 : stallGraceSeconds)
  }

  /// Lets the others report, and aborts.
  private func abort(_ code: ExitCode, graceSeconds: Double) -> Never {
    if handle != nil {
      fflush(nil)
      wait(seconds: graceSeconds)
      MPI_Abort(handle, code.rawValue)
    }
    exit(code.rawValue)
  }

  private func wait(seconds: Double) {
    // mpirun's signals to a job that ends cut a sleep short, and then kill.
    let end = monotonicSeconds() + (size > 1 ? seconds : 0)
    while monotonicSeconds() < end { usleep(20_000) }
  }
}
