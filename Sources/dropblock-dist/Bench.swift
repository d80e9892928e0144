import ArgumentParser
import Training

/// `bench`: how long a training step takes, and what of.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Time the training step on all ranks, operation by operation.",
    discussion: """
      Without --config it times torchvision's RetinaNet-R50 at 640 x 640 on random images. Steps are timed first and
      recorded for the table and the trace afterwards. The regulariser acts at its final rate in every step.

      Example:
        mpirun -np 2 dropblock-dist bench --set batch.per_rank=1 \\
          --json figures.json --trace trace.json
      """)

  @OptionGroup var source: ConfigurationOptions

  @Option(help: ArgumentHelp("Steps that are timed.", valueName: "number"))
  var steps = 5

  @Option(help: ArgumentHelp("Steps in front that do not count.", valueName: "number"))
  var warmup = 2

  @Option(help: ArgumentHelp("Pairs of steps with and without the regulariser, timed besides.", valueName: "pairs"))
  var compareDropblock = 0

  @Flag(help: "Time every method of every convolution alone besides, without looking at earlier choices.")
  var methods = false

  @Option(help: ArgumentHelp("Write the figures here as JSON.", valueName: "file"))
  var json: String?

  @Option(help: ArgumentHelp("Write what every rank did when here, for ui.perfetto.dev.", valueName: "file"))
  var trace: String?

  func validate() throws {
    if steps < 1 { throw ValidationError("--steps: expected at least 1, got \(steps)") }
    if warmup < 0 { throw ValidationError("--warmup: expected at least 0, got \(warmup)") }
    if compareDropblock < 0 {
      throw ValidationError("--compare-dropblock: expected at least 0, got \(compareDropblock)")
    }
  }

  func run() throws {
    BenchRequest(
      configuration: try source.load(builtIn: Configuration.retinaNetBenchmark), steps: steps, warmup: warmup,
      pairs: compareDropblock, methods: methods, json: json, trace: trace
    ).run()
  }
}
