import ArgumentParser
import Distributed
import Glibc
import Tensors

/// How the program ends when a command throws.
enum CommandExit {
  /// Prints the one message of an error and ends the process with the error's documented code.
  ///
  /// Every rank of a job meets the same bad command line, so one rank a host speaks, and only the first one without
  /// naming its host.
  static func leave(after error: any Error, of command: any ParsableCommand.Type) -> Never {
    let (code, message) = ending(error, command)
    let environment = processEnvironment()
    let rank = number(["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"], environment)
    let localRank = number(["OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"], environment)
    if rank == 0 || (localRank == 0 && code != .success) {
      let place = rank == 0 ? "" : "\(hostName()): "
      let text = "\(place)\(message)\n"
      write(code == .success ? STDOUT_FILENO : STDERR_FILENO, text, text.utf8.count)
    }
    exit(code.rawValue)
  }

  /// The code and the text for an error.
  private static func ending(
    _ error: any Error, _ command: any ParsableCommand.Type
  ) -> (code: Tensors.ExitCode, message: String) {
    if let error = error as? any UserError { return (error.exitCode, "error: \(error)") }
    switch command.exitCode(for: error) {
    case .success: return (.success, command.fullMessage(for: error))
    case .validationFailure: return (.usage, command.fullMessage(for: error))
    default: return (.internalError, "internal error: \(error)")
    }
  }

  /// The first of these variables that holds a number; 0 where there is none, as without a launcher.
  private static func number(_ names: [String], _ environment: [String: String]) -> Int {
    names.lazy.compactMap { environment[$0].flatMap { Int($0) } }.first ?? 0
  }
}
