import ArgumentParser
import Training

/// `audit-masks`: wanted and measured drop rate, layer by layer.
struct AuditMasks: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit-masks",
    abstract: "Draw the masks of every layer and compare their drop rate with the wanted one.",
    discussion: """
      The masks are those of the regulariser that is on, at the end of its schedule. DropBlock's overlapping blocks drop a
      little less than wanted; `expected` accounts for that exactly, and `deviation` is the distance of the measured rate
      from it in standard errors.

      Example:
        dropblock-dist audit-masks --config configs/retinanet-r50-coco.yaml \\
          --set dropblock.block_size=5
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Write the table here as JSON.", valueName: "file"))
  var json: String?

  func run() throws {
    let configuration = try source.load()
    try auditMasks(
      MaskAuditRequest(configuration: configuration, json: json), console: Console(style: .plain, waitsForReader: true))
  }
}
