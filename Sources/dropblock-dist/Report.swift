import ArgumentParser
import Training

/// `report`: one or several runs as one HTML page.
struct Report: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show one or several runs as a page that needs nothing but itself.",
    discussion: """
      The page of one run: what was trained on what, curves, evaluations with pictures, masks, times, events, checkpoints. Training writes it
      too, at every evaluation and when it has finished. The page of several runs: their curves in the same pictures, their results with the spread
      over seeds, and what differs in their configurations. It reads the run directories alone, neither data nor model.

      Example:
        dropblock-dist report runs/smoke
        dropblock-dist report runs/smoke runs/bccd --output comparison.html
      """)

  @Argument(help: ArgumentHelp("Run directories.", valueName: "run"))
  var runs: [String]

  @Option(help: ArgumentHelp("The page (default: report.html in the run directory).", valueName: "file"))
  var output: String?

  func run() throws {
    try ReportRequest(runs: runs, output: output).run(Console(style: .plain, waitsForReader: true))
  }
}
