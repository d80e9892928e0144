import ArgumentParser
import Training

/// `export`: the weights of a checkpoint as torchvision loads them.
struct Export: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a checkpoint's weights under torchvision's names.",
    discussion: """
      Example:
        dropblock-dist export --checkpoint runs/bccd --output model.safetensors
      """)

  @OptionGroup var trained: CheckpointOptions
  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  func run() throws {
    try ExportRequest(checkpoint: trained.checkpoint, configuration: source.ofCheckpoint, output: output)
      .run(Console(style: .plain, waitsForReader: true))
  }
}
