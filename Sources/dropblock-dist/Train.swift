import ArgumentParser
import Training

/// `train`, the command without a name: a run from its configuration to its last evaluation.
struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a detector or a classifier on all ranks (the default command).",
    discussion: """
      Without --config it trains a small detector on generated images.

      Example:
        mpirun -np 2 dropblock-dist --config configs/retinanet-bccd.yaml \\
          --set train.length="5 epochs"
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Run directory; runs/NAME without it.", valueName: "dir"))
  var output: String?

  @Option(help: ArgumentHelp("auto, never, or a run directory or checkpoint set to go on from.", valueName: "from"))
  var resume = "auto"

  @Flag(help: "Plan, print memory, disk and time, and stop.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "A fault to rehearse, several times if need be: kill:rank=R,step=S, stall:...[,seconds=T], nan:...[,place=loss|input], bitflip:...[,tensor=NAME][,bit=B], stop:... .",
      valueName: "fault"))
  var inject: [String] = []

  func run() throws {
    let from: ResumeSource =
      switch resume {
      case "auto": .automatic
      case "never": .never
      default: .path(resume)
      }
    let faults = try inject.map { try InjectedFault($0) }
    TrainRequest(
      configuration: try source.load(), output: output, resume: from, isDryRun: dryRun, faults: faults
    ).run()
  }
}
