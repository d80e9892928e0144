import ArgumentParser
import Training

/// `score`: COCO figures of any results file.
struct Score: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compute COCO's average precision of any results file, without a model.",
    discussion: """
      Example:
        dropblock-dist score --annotations instances_val2017.json \\
          --results results.json --json figures.json
      """)

  @Option(help: ArgumentHelp("COCO annotation file with the ground truth.", valueName: "file"))
  var annotations: String

  @Option(help: ArgumentHelp("COCO results file with the detections.", valueName: "file"))
  var results: String

  @Option(help: ArgumentHelp("Write the figures here as JSON.", valueName: "file"))
  var json: String?

  func run() throws {
    try score(
      ScoreRequest(annotations: annotations, results: results, json: json),
      console: Console(style: .plain, waitsForReader: true))
  }
}
