import ArgumentParser
import Distributed
import Glibc
import Training

/// A command that has nothing to share out: where a launcher starts several ranks, the first one alone runs it.
protocol SingleProcessCommand: ParsableCommand {}

/// The command line: everything below it is in `Training`.
@main
struct DropBlockDist: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dropblock-dist",
    abstract: "Data-parallel training of detectors and classifiers with DropBlock on CPU clusters.",
    discussion: """
      Every rank of an MPI job runs this program; without a launcher it is one rank.

      Example:
        mpirun -np 2 dropblock-dist --config configs/retinanet-bccd.yaml
      """,
    version: BuildInformation.text,
    subcommands: [
      Train.self, Evaluate.self, DropBlockSweep.self, Bench.self, ClusterPlan.self, Predict.self, Cam.self, Score.self,
      Inspect.self, Report.self, Runs.self, Watch.self, Keys.self, Export.self, AuditMasks.self, VerifyResume.self,
      Supervised.self,
      Doctor.self,
    ],
    defaultSubcommand: Train.self)

  /// Parses before MPI starts, runs, and leaves with the documented code.
  static func main() {
    do {
      var command = try parseAsRoot(ProgramArguments.texts())
      try ProgramArguments.requireReadableDirectory()
      try ProcessorCheck.require()
      if command is any SingleProcessCommand && launchedRank() > 0 { Glibc.exit(0) }
      try command.run()
    } catch {
      CommandExit.leave(after: error, of: self)
    }
  }
}
