import ArgumentParser
import Training

/// `export`: a checkpoint as a file for other programs.
struct Export: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write a checkpoint's weights under torchvision's names, or the model as ONNX.",
    discussion: """
      Example:
        dropblock-dist export --checkpoint runs/bccd --output model.safetensors
        dropblock-dist export --checkpoint runs/bccd --output model.onnx \\
          --format onnx --decode --fold-batch-norm
      """)

  /// What the file is.
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case safetensors, onnx
  }

  @OptionGroup var trained: CheckpointOptions
  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Option(help: "Weights for torchvision, or the model for ONNX runtimes.")
  var format = Format.safetensors

  @Flag(help: "ONNX, detectors: decode and suppress, for boxes, scores and labels.")
  var decode = false

  @Flag(
    help: """
      ONNX: make batch-norms part of the convolutions in front of them; convolutions that the levels of a pyramid \
      share become one each.
      """)
  var foldBatchNorm = false

  @Option(help: ArgumentHelp("ONNX: images of a batch; 1 unless told.", valueName: "images"))
  var batch: Int?

  @Option(
    help: ArgumentHelp("ONNX: pixels of the images; those of evaluation unless told.", valueName: "side or HxW"),
    transform: Export.size)
  var size: Configuration.ImageSize?

  func validate() throws {
    if let batch, !(1...1024).contains(batch) {
      throw ValidationError("--batch: expected 1 to 1024 images, got \(batch)")
    }
    if format == .onnx { return }
    let given = [
      ("--decode", decode), ("--fold-batch-norm", foldBatchNorm), ("--batch", batch != nil), ("--size", size != nil),
    ]
    if let option = given.first(where: \.1)?.0 {
      throw ValidationError("\(option): only a model in ONNX has it; add --format onnx or leave it out")
    }
  }

  func run() throws {
    try ExportRequest(
      checkpoint: trained.checkpoint, configuration: source.ofCheckpoint, format: requestedFormat, output: output
    ).run(Console(style: .plain, waitsForReader: true))
  }

  /// Height and width of images: `640` or `480x640`.
  private static func size(_ text: String) throws -> Configuration.ImageSize {
    let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard (1...2).contains(sides.count), let height = sides[0], let width = sides[sides.count - 1] else {
      throw ValidationError("--size: expected pixels as 640 or, height first, 480x640; got \(text)")
    }
    return Configuration.ImageSize(height: height, width: width)
  }

  private var requestedFormat: ExportRequest.Format {
    switch format {
    case .safetensors: return .safetensors
    case .onnx:
      var settings = ONNXSettings()
      (settings.decodesBoxes, settings.foldsBatchNorm) = (decode, foldBatchNorm)
      settings.images = batch ?? settings.images
      settings.size = size
      return .onnx(settings)
    }
  }
}
