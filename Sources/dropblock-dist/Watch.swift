import ArgumentParser
import Training

/// `watch`: follows a run.
struct Watch: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Follow the log of a run until it ends.",
    discussion: """
      It ends with 0 when the run has finished, 75 when it was stopped, 74 when it
      failed or died.

      Example:
        dropblock-dist watch runs/smoke
      """)

  @Argument(help: ArgumentHelp("Run directory.", valueName: "run"))
  var directory: String

  func run() throws {
    try WatchRequest(run: directory).run(Console(style: .plain, waitsForReader: true))
  }
}
