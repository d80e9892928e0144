import Foundation
import TestSupport
import Testing

/// Oracle: a launch that cannot do what was meant ends before anything is begun, with code 78 and a command that works.
@Suite(.serialized) struct WrongLaunchTests {
  private func expect(_ result: CommandResult, in space: Workspace, _ words: [String]) {
    result.expectError(78, words)
    #expect(result.output.isEmpty && !FileManager.default.fileExists(atPath: space.folder.file("run")), "\(result)")
  }

  /// The command that a message tells to type, which goes on to the end of the line or to a remark in parentheses.
  private func remedy(in result: CommandResult) throws -> String {
    let message = try #require(result.errorLines("error: ").first, "\(result)")
    let parts = message.split(separator: "start it with: ")
    return String(try #require(parts.dropFirst().first).prefix { $0 != "(" && $0 != ";" })
  }

  @Test(
    "one process where several were meant",
    arguments: [
      ["SLURM_NTASKS": "4"],
      ["SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "4"],
      ["SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"],
      ["PMI_SIZE": "4", "PMI_RANK": "0"],
    ])
  func alone(variables: [String: String]) throws {
    let space = try Workspace()
    let result = try runProgram(space.train(), environment: space.trained.environment.merging(variables) { $1 })
    let launcher = variables["SLURM_JOB_ID"] == nil ? "mpirun -np 4 " : "srun --mpi=pmix "
    expect(result, in: space, ["4 ", "would train alone", launcher])
    #expect(try remedy(in: result).contains(space.train().joined(separator: " ")))
  }

  @Test("commands of one process run anywhere")
  func anywhere() throws {
    let space = try Workspace()
    let results = try space.folder.write("[]", to: "results.json")
    let score = ["score", "--annotations", space.annotations("val"), "--results", results]
    for arguments in [score, ["audit-masks", "--config", space.trained.configuration], ["--version"]] {
      let result = try runProgram(arguments, environment: ["SLURM_NTASKS": "4", "DROPBLOCK_DATA": ""])
      #expect(result.exitCode == 0, "\(result)")
    }
  }

  @Test(
    "two threads on the one core that Open MPI gives each of two ranks; the line in the message works",
    arguments: [["--set", "threads_per_rank=2"], []])
  func narrowBinding(option: [String]) throws {
    let space = try Workspace()
    let threads = option.isEmpty ? "2" : ""
    let environment = mpirunEnvironment.merging(space.trained.environment) { $1 }
    let result = try run(
      ["mpirun", "-np", "2", "--bind-to", "core", Locations.program] + space.train("--dry-run") + option,
      environment: environment.merging(["OMP_NUM_THREADS": threads]) { $1 })
    let source = option.isEmpty ? "OMP_NUM_THREADS" : "threads_per_rank"
    expect(result, in: space, ["\(source) asks for 2 threads", "may use only 1 of"])
    let mended = try run(
      ["sh", "-c", try remedy(in: result)],
      environment: environment.merging(["OMP_NUM_THREADS": threads]) { $1 })
    #expect(mended.exitCode == 0, "\(mended)")
    #expect(mended.output.contains("ranks      2 x "), "\(mended)")
  }

  @Test("more threads than cores over all ranks is a warning with the line that does better")
  func sharedCores() throws {
    let space = try Workspace()
    let cores = ProcessInfo.processInfo.activeProcessorCount
    let result = try runProgram(
      ranks: 2, threads: cores, space.train("--dry-run"), environment: space.trained.environment)
    if result.exitCode == 0 {
      let warning = try #require(result.errorLines("warning: ").first, "\(result)")
      #expect(warning.contains("2 ranks x \(cores) threads share") && warning.contains("mpirun -np 2 --"), "\(result)")
    } else {
      // Two logical processors a core: so many threads do not even fit one rank.
      result.expectError(78, ["OMP_NUM_THREADS asks for \(cores) threads"])
    }
  }
}
