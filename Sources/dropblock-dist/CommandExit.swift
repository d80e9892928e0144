import ArgumentParser
import Distributed
import Tensors
import Training

/// How the program ends when a command throws.
enum CommandExit {
  /// Prints the one message of an error and ends the process with the error's documented code.
  ///
  /// Help and version are such errors too: they go to standard output, from the first rank alone.
  static func leave(after error: any Error, of command: any ParsableCommand.Type) -> Never {
    if error is any UserError { Launch.fail(error) }
    switch command.exitCode(for: error) {
    case .success:
      if launchedRank() == 0 { print(command.fullMessage(for: error)) }
      command.exit()
    case .validationFailure:
      // The parser starts its messages with "Error: "; those of the program start with "error: ".
      // What it quotes of the arguments begins no line of its own.
      let message = command.message(for: error)
      let full = command.fullMessage(for: error).replacing(message, with: shown(message), maxReplacements: 1)
      Launch.leave(.usage, String(full.trimmingPrefix("Error: ")))
    default:
      Launch.fail(error)
    }
  }
}
