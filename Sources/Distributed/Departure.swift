import COpenMPI
import Glibc
import Tensors

// Note [Leaving together]
// mpirun's exit code is that of the first rank that ends with one other than 0, and it then kills the rest. So:
// - All ranks know the reason (`collectively`, `agree`): each prints or not, then `MPIEnvironment.leave`, which ends MPI
//   before it exits. Nothing is cut off, mpirun returns the code.
// - One rank knows, the others may be inside a collective: `abort`. MPI_Abort makes mpirun end the other ranks (CONT,
//   TERM after a second, KILL after another) and return the code. What the other ranks have not yet written is lost.

extension MPIEnvironment {
  /// Ends MPI and the process, on every rank with the same code; all ranks must call it.
  public func leave(_ code: Int32) -> Never {
    finalize()
    exit(code)
  }
}

extension Communicator {
  /// Ends the whole job from this one rank with `code`, after `message` on standard error.
  ///
  /// For a failure that the other ranks cannot learn of in a collective. `graceSeconds` lets the others report first, where
  /// all of them are likely to fail together, as in a stall. With one rank it is a plain exit.
  public func abort(_ code: ExitCode, _ message: String, graceSeconds: Double = 0) -> Never {
    printError(message)
    if handle != nil {
      if graceSeconds > 0 { usleep(UInt32(min(graceSeconds, 60) * 1e6)) }
      MPI_Abort(handle, code.rawValue)
    }
    // Reached with one rank; exit handlers must not run MPI_Finalize after an abort.
    fflush(nil)
    _exit(code.rawValue)
  }
}
