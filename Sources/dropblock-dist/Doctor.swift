import ArgumentParser
import Training

/// `doctor`: whether a run would work here.
struct Doctor: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Look at launch, binding, threads, libraries, data, disk and memory as a run would, without running.",
    discussion: """
      Start it as you would start the run. Every line is ok, a warning or a problem; what is wrong comes with the command
      or setting that mends it. The exit code is 0, or the one that the run would end with.

      Example:
        mpirun -np 2 dropblock-dist doctor \\
          --config configs/retinanet-r50-coco.yaml --output runs/coco
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Run directory; runs/NAME without it.", valueName: "dir"))
  var output: String?

  @Option(help: ArgumentHelp("Write the findings here as JSON.", valueName: "file"))
  var json: String?

  func run() throws {
    DoctorRequest(configuration: try source.load(), output: output, json: json).run()
  }
}
