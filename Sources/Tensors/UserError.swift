/// The process exit codes that scripts rely on.
public enum ExitCode: Int32, Sendable {
  /// Finished.
  case success = 0
  /// Bad command line.
  case usage = 64
  /// Bad data or checkpoint.
  case badData = 65
  /// A file or directory is missing.
  case missingFile = 66
  /// A mistake of the program itself.
  case internalError = 70
  /// The output cannot be written.
  case cannotWrite = 73
  /// A rank, host or the network failed, or a stall passed its deadline.
  case rankFailed = 74
  /// Stopped by a signal or a time limit after a complete checkpoint.
  case interrupted = 75
  /// Replicas diverged, or the loss is not finite and the policy says stop.
  case diverged = 76
  /// Bad configuration.
  case badConfiguration = 78
}

/// An error that the user can mend, with the one message to print and the code to leave with.
///
/// The message names the file and the place, what was expected, what was found, and what to do.
public protocol UserError: Error, Sendable, CustomStringConvertible {
  /// The code of the process when this error ends it.
  var exitCode: ExitCode { get }
}

/// A user error made of its parts, for places where a type of its own would say no more.
public struct InputError: UserError {
  /// The code of the process when this error ends it.
  public let exitCode: ExitCode
  /// The complete message.
  public let description: String

  /// An error with its exit code and its complete message of one line: names in it cannot begin another.
  public init(_ exitCode: ExitCode, _ description: String) {
    self.init(exitCode, lines: [description])
  }

  /// An error whose complete message has several lines.
  public init(_ exitCode: ExitCode, lines: [String]) {
    (self.exitCode, description) = (exitCode, lines.map(shown).joined(separator: "\n"))
  }
}
