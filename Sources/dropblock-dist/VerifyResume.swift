import ArgumentParser
import Training

/// `verify-resume`: kills itself, resumes, compares bit for bit.
struct VerifyResume: SingleProcessCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify-resume",
    abstract: "Kill training runs at random moments, resume them and compare them bit for bit.",
    discussion: """
      A run that is left alone comes first. Then each of --kills runs loses a random rank to SIGKILL, in turn within a
      step, while a checkpoint is written and at any time, is resumed with the same command, and must end with the same
      checkpoint, metrics and detections. Without --config it takes a small run on generated images. With a seed of
      --seed the same moments are aimed at again.

      Example:
        mpirun -np 2 dropblock-dist verify-resume --kills 5
        dropblock-dist verify-resume --ranks 4 --kills 5 \\
          --launcher "mpirun -np 4 --hostfile hosts"
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Ranks of the runs; those of the launcher without it.", valueName: "number"))
  var ranks: Int?

  @Option(help: ArgumentHelp("What starts the ranks; mpirun on this host without it.", valueName: "command"))
  var launcher: String?

  @Option(help: ArgumentHelp("Runs that are killed.", valueName: "number"))
  var kills = 20

  @Option(help: ArgumentHelp("Seed of the moments and victims.", valueName: "number"))
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Directory for the runs; the temporary directory without it.", valueName: "dir"))
  var scratch: String?

  @Option(help: ArgumentHelp("Write what happened here as JSON.", valueName: "file"))
  var json: String?

  func validate() throws {
    if kills < 1 { throw ValidationError("--kills: expected at least 1, got \(kills)") }
    if let ranks, ranks < 1 { throw ValidationError("--ranks: expected at least 1, got \(ranks)") }
    if launcher != nil && ranks == nil { throw ValidationError("--launcher: --ranks must say how many it starts") }
  }

  func run() throws {
    try VerifyResumeRequest(
      config: source.config, overrides: source.overrides, ranks: ranks, launcher: launcher, kills: kills, seed: seed,
      scratch: scratch, json: json
    ).run(Console(style: .plain))
  }
}

/// `supervised`: becomes a command that ends with its parent; `verify-resume` starts its jobs through it.
struct Supervised: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: SupervisedCommand.name, shouldDisplay: false)

  @Argument var parent: Int32
  @Argument var line: String

  func run() throws { SupervisedCommand.become(line, under: parent) }
}
