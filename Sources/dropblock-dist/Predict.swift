import ArgumentParser
import Training

/// `predict`: what is found in single images, in files and drawn.
struct Predict: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find objects in images: COCO results or masks of classes, and pictures with these drawn.",
    discussion: """
      Example:
        dropblock-dist predict --checkpoint runs/smoke --output found photo.jpg
      """)

  @OptionGroup var trained: CheckpointOptions
  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Directory for the results and the pictures.", valueName: "dir"))
  var output: String

  @Option(help: ArgumentHelp("Draw detections from this score on; 0.3 unless told.", valueName: "score"))
  var drawFrom: Float?

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
