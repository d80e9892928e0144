import Glibc
import Synchronization

/// Whether this process was asked to stop by SIGTERM, SIGINT or SIGUSR1.
///
/// The handlers only set a flag. All ranks read it at the same place of a step and agree before they act.
public enum StopRequest {
  private static let flag = Atomic<Bool>(false)

  /// Whether a stop was asked for.
  public static var isPending: Bool { flag.load(ordering: .relaxed) }

  /// Installs the handlers; a second signal of the same kind ends the process at once.
  public static func listen() {
    for signalNumber in [SIGTERM, SIGINT, SIGUSR1] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in StopRequest.flag.store(true, ordering: .relaxed) }
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_RESTART
      sigaction(signalNumber, &action, nil)
    }
  }
}
