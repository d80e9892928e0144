import ArgumentParser
import Training

/// `predict`: boxes of single images, as COCO results and drawn.
struct Predict: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Detect objects in images: COCO results and pictures with the boxes drawn.",
    discussion: """
      Example:
        dropblock-dist predict --checkpoint runs/smoke --output found photo.jpg
      """)

  @OptionGroup var trained: CheckpointOptions
  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Directory for results.json and the pictures.", valueName: "dir"))
  var output: String

  @Option(help: ArgumentHelp("Draw detections from this score on.", valueName: "score"))
  var drawFrom: Float = 0.3

  @Argument(help: "JPEG or PNG files.")
  var images: [String]

  func run() throws {
    try PredictRequest(
      checkpoint: trained.checkpoint, configuration: source.ofCheckpoint, output: output,
      images: images.map { ProgramArguments.path($0) },
      drawnScore: drawFrom
    ).run(Console(style: .plain, waitsForReader: true))
  }
}
