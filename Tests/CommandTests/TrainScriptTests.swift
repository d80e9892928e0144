import Foundation
import TestSupport
import Testing

/// Oracle: what the head of `launch/slurm/train.sbatch` promises, with launchers of the test's own in place of srun and mpirun.
///
/// Slurm takes no job back here, so that the script says what it asked for and ends with the run's code.
@Suite struct TrainScriptTests {
  private func train(
    _ arguments: [String], launcher: String = "srun", doing script: String, in folder: TemporaryDirectory
  ) throws -> CommandResult {
    try folder.install(script: script, as: "bin/\(launcher)")
    try folder.install(script: "exit 1", as: "bin/scontrol")
    return try run(
      ["bash", "\(Locations.packageRoot)/launch/slurm/train.sbatch"] + arguments,
      environment: [
        "PATH": folder.searchPath,
        "SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "1", "SLURM_JOB_NODELIST": "node0", "SLURM_NTASKS": "1",
        "DROPBLOCK_PROGRAM": "/bin/true", "DROPBLOCK_LAUNCHER": launcher,
      ])
  }

  @Test("where the run directory must be looked into, it must be said")
  func output() throws {
    let folder = try TemporaryDirectory("output")
    for (arguments, launcher) in [(["--resume", "never"], "srun"), (["--resume=never"], "srun"), ([], "mpirun")] {
      let result = try train(arguments, launcher: launcher, doing: "exit 0", in: folder)
      #expect(result.exitCode == 78 && result.errorOutput.contains("say --output DIR too"), "\(result)")
    }
    #expect(try train([], doing: "exit 75", in: folder).exitCode == 75)
  }

  @Test("mpirun's 0 counts where the run has noted its end")
  func lostNode() throws {
    let folder = try TemporaryDirectory("lost")
    let output = ["--output", folder.file("run")]
    func code(_ arguments: [String] = []) throws -> Int32 {
      try train(output + arguments, launcher: "mpirun", doing: "exit 0", in: folder).exitCode
    }
    #expect(try code() == 205)
    #expect(try code(["--dry-run"]) == 0)
    try FileManager.default.createDirectory(atPath: folder.file("run"), withIntermediateDirectories: true)
    _ = try folder.write(#"{"kind":"started"}"# + "\n", to: "run/history.jsonl")
    #expect(try code() == 205)
    _ = try folder.write(#"{"kind":"finished"}"# + "\n" + #"{"kind":"warning"}"# + "\n", to: "run/history.jsonl")
    #expect(try code() == 0)
  }

  @Test("what has failed comes back with a new checkpoint, or after a warning in its first seconds")
  func requeued() throws {
    let folder = try TemporaryDirectory("requeued")
    let output = ["--output", folder.file("run")]
    let checkpoint = "mkdir -p '\(folder.file("run"))/checkpoints'; ln -s 1 '\(folder.file("run"))/checkpoints/latest'"
    for (script, asked) in [
      ("exit 137", nil), ("trap '' USR1; kill -USR1 $PPID; sleep 1; exit 137", "failed when it was warned"),
      ("\(checkpoint); exit 137", "failed, but made a new checkpoint before"), ("exit 137", nil),
    ] {
      let result = try train(output, doing: script, in: folder)
      #expect(result.exitCode == 137, "\(result)")
      #expect(result.output.contains("requeueing job 7") == (asked != nil), "\(result)")
      if let asked { #expect(result.output.contains(asked), "\(result)") }
    }
  }
}
