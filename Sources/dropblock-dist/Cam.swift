import ArgumentParser
import Training

/// `cam`: class activation maps of classifiers, as one sheet and as values.
struct Cam: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draw where classifiers see a class: class activation maps as one sheet, and their values.",
    discussion: """
      Example:
        dropblock-dist cam --checkpoint none=runs/flowers \\
          --checkpoint "block 7=runs/flowers-dropblock" --output maps photo.jpg
      """)

  @Option(
    name: .customLong("checkpoint"),
    help: ArgumentHelp(
      "Run directory, checkpoint set or .safetensors file, and what to call it; one row of the sheet each.",
      valueName: "[name=]path"))
  var checkpoints: [String]

  @OptionGroup var source: ConfigurationOptions

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("The class, by name or number; without it the likeliest of each picture.", valueName: "name"))
  var className: String?

  @Option(help: ArgumentHelp("Directory for cam.png, cam.safetensors and cam.json.", valueName: "dir"))
  var output: String

  @Argument(help: "JPEG or PNG files.")
  var images: [String]

  func run() throws {
    try CamRequest(
      checkpoints: checkpoints.map(NamedCheckpoint.init), configuration: source.ofCheckpoint, className: className,
      output: output, images: images.map { ProgramArguments.path($0) }
    ).run(Console(style: .plain, waitsForReader: true))
  }
}
