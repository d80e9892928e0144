import ArgumentParser
import Training

/// `inspect`: what a model consists of and costs, or what it is trained on.
struct Inspect: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a model's tensors, shapes, operations, memory and plan, or draw its training samples.",
    discussion: """
      The plan is that of a training step of one rank, with one image where the configuration states batch.global; set
      batch.per_rank to see another share. With timed algorithms, those that this machine has not timed yet
      are timed now.

      With --data the first samples of epoch 0 are drawn as the network gets them: scaled, flipped, cut out, padded,
      with their boxes, labels of pixels or classes. They go to DIR/sample-01.png and so on, all of them to
      DIR/samples.png, and what is in them to DIR/samples.txt.

      Example:
        dropblock-dist inspect --config configs/retinanet-r50-coco.yaml \\
          --set planner.algorithms=direct
        dropblock-dist inspect --config mine.yaml --data 16 --output seen
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Run directory, checkpoint set or .safetensors file.", valueName: "path"))
  var checkpoint: String?

  @Option(help: ArgumentHelp("Write everything here as JSON.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Draw so many training samples instead.", valueName: "samples"))
  var data: Int?

  @Option(help: ArgumentHelp("Directory for the drawn samples.", valueName: "dir"))
  var output: String?

  func validate() throws {
    let most = InspectDataRequest.mostSamples
    if let data, !(1...most).contains(data) {
      throw ValidationError("--data: expected 1 to \(most) samples, got \(data)")
    }
    if data != nil && output == nil { throw ValidationError("--data: --output must say where the pictures go") }
    if data == nil && output != nil { throw ValidationError("--output: --data must say how many samples are drawn") }
    if data != nil && (checkpoint != nil || json != nil) {
      throw ValidationError("--data: draws samples of a configuration, without --checkpoint and --json")
    }
  }

  func run() throws {
    let console = Console(style: .plain, waitsForReader: true)
    if let data, let output {
      return try InspectDataRequest(configuration: source.load(), count: data, output: output).run(console)
    }
    try InspectRequest(checkpoint: checkpoint, configuration: source.ofCheckpoint, json: json).run(console)
  }
}
