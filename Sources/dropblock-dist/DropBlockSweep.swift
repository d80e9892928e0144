import ArgumentParser
import Training

/// `dropblock-sweep`: checkpoints evaluated with DropBlock at many rates.
struct DropBlockSweep: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dropblock-sweep",
    abstract: "Evaluate checkpoints with DropBlock at many rates and block sizes, on all ranks.",
    discussion: """
      Figure 5 of the paper: how networks that were trained with and without
      DropBlock bear it at inference. Each checkpoint is evaluated as evaluate
      --dropblock does, with every block size at every keep_prob, at 1 once for all
      sizes.

      In the output directory sweep.csv gets the figures as they come, and sweep.svg
      draws the decisive one: a panel a block size, a line a checkpoint. The same
      command goes on with what an interrupted sweep lacks; a table of other
      checkpoints, seeds or groups is refused. --config and --set hold for all
      checkpoints.

      Example:
        mpirun -np 2 dropblock-dist dropblock-sweep \\
          --checkpoint none=runs/flowers \\
          --checkpoint "block 7=runs/flowers-dropblock" \\
          --keep-prob 1,0.9 --block-size 1,7 --output sweep
      """)

  @Option(
    help: ArgumentHelp(
      "Run directory, checkpoint set or .safetensors file, several times; without a name it has the path's last part.",
      valueName: "[name=]path"))
  var checkpoint: [String]

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Kept shares, above 0 and at most 1.", valueName: "list"))
  var keepProb = "1,0.9,0.8,0.7,0.6,0.5"

  @Option(help: ArgumentHelp("Block sizes.", valueName: "list"))
  var blockSize = "1,7"

  @Option(help: ArgumentHelp("Groups of all checkpoints, such as 3+4; as evaluate without it.", valueName: "groups"))
  var groups: String?

  @Flag(help: "Give each group before the last a quarter of the next one's drop rate, as in the paper's training.")
  var groupScaling = false

  @Option(help: ArgumentHelp("Seed of the masks.", valueName: "number"))
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Directory for sweep.csv and sweep.svg.", valueName: "dir"))
  var output: String

  func run() throws {
    try DropBlockSweepRequest(
      checkpoints: checkpoint.map { try NamedCheckpoint($0) },
      grid: SweepGrid(keepProbabilities: keepProb, blockSizes: blockSize),
      setting: DropBlockOption.Setting(groupList: groups, isGroupScaled: groupScaling, seed: seed),
      configuration: source.ofCheckpoint, output: output
    ).run()
  }
}
