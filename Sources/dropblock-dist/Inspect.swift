import ArgumentParser
import Training

/// `inspect`: what a model consists of and costs.
struct Inspect: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a model's tensors, shapes, operations, memory and plan.",
    discussion: """
      The plan is that of a training step of one rank, with one image where the configuration states batch.global; set
      batch.per_rank to see another share. With timed algorithms, those that this machine has not timed yet
      are timed now.

      Example:
        dropblock-dist inspect --config configs/retinanet-r50-coco.yaml \\
          --set planner.algorithms=direct
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Run directory, checkpoint set or .safetensors file.", valueName: "path"))
  var checkpoint: String?

  @Option(help: ArgumentHelp("Write everything here as JSON.", valueName: "file"))
  var json: String?

  func run() throws {
    try InspectRequest(checkpoint: checkpoint, configuration: source.ofCheckpoint, json: json)
      .run(Console(style: .plain, waitsForReader: true))
  }
}
