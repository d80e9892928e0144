import ArgumentParser
import Training

/// `evaluate`: COCO figures of a checkpoint on the validation images, on all ranks.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Evaluate a checkpoint on the validation images, on all ranks.",
    discussion: """
      Example:
        mpirun -np 2 dropblock-dist evaluate --checkpoint runs/smoke \\
          --json figures.json
      """)

  @OptionGroup var trained: CheckpointOptions
  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Write the figures here as JSON.", valueName: "file"))
  var json: String?

  func run() throws {
    EvaluateRequest(checkpoint: trained.checkpoint, configuration: source.ofCheckpoint, json: json).run()
  }
}
