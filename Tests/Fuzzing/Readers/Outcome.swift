import Tensors

/// Runs a reader on one input, which must return or throw an error for the user.
///
/// Any other error, an exit code that does not mean bad input, or an empty message is a finding: it traps.
func expectingUserErrors(_ codes: Set<ExitCode>, _ body: () throws -> Void) {
  do {
    try body()
  } catch {
    guard let error = error as? any UserError else { fatalError("not an error for the user: \(error)") }
    require(codes.contains(error.exitCode), "exit code \(error.exitCode): \(error.description)")
    require(!error.description.isEmpty && error.description.utf8.count < 8192, "a message of a strange length")
  }
}
