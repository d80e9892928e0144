import Distributed
import Glibc
import Synchronization

/// Whether this process was asked to stop by SIGTERM, SIGINT or SIGUSR1, or under mpirun by SIGCONT.
///
/// The handlers only set a flag. All ranks read it at the same place of a step and agree before they act.
public enum StopRequest {
  private static let flag = Atomic<Bool>(false)

  /// Whether a stop was asked for.
  public static var isPending: Bool { flag.load(ordering: .relaxed) }

  /// Installs the handlers.
  ///
  /// A second SIGINT ends the process at once. Others may come twice, from a batch system to the job and to its steps.
  /// mpirun that has to end sends its ranks SIGCONT at once and SIGTERM only after
  /// `odls_base_sigkill_timeout`: the early notice leaves more time for the checkpoint. Elsewhere SIGCONT has its own
  /// meaning, as when Slurm resumes a suspended job.
  ///
  /// A reader of the console that leaves, such as `tee` with its terminal, does not end a run.
  public static func listen(_ launcher: Launcher) {
    signal(SIGPIPE, SIG_IGN)
    for signalNumber in [SIGTERM, SIGINT, SIGUSR1] + (launcher == .mpirun ? [SIGCONT] : []) {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in StopRequest.flag.store(true, ordering: .relaxed) }
      action.sa_flags = SA_RESTART | (signalNumber == SIGINT ? Int32(bitPattern: UInt32(SA_RESETHAND)) : 0)
      sigaction(signalNumber, &action, nil)
    }
  }
}
