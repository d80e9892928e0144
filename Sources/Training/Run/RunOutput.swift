import Tensors

/// What output that cannot be written does to a run: ends it or, if `train.write_failure` says so, is a warning.
final class RunOutput {
  private let policy: Configuration.WriteFailure
  private let console: Console
  private var lastWarning = ""

  init(_ policy: Configuration.WriteFailure, console: Console) {
    (self.policy, self.console) = (policy, console)
  }

  /// Runs what writes; throws its error 73 with the policy `stop`, and every other error.
  func attempt(_ write: () throws -> Void) throws {
    do {
      try write()
    } catch let error as InputError where error.exitCode == .cannotWrite && policy == .continue {
      warn(error)
    }
  }

  /// Shows why something was not written, once where the same thing fails again and again.
  func warn(_ failure: InputError) {
    if failure.description != lastWarning { console.warn("not written: \(failure)") }
    lastWarning = failure.description
  }
}
