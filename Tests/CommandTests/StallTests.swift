import Checkpoints
import Foundation
import Glibc
import TestSupport
import Testing

/// Oracle: the promise that a stalled rank is found within the deadline and 10 s, and gets the blame.
@Suite struct StallTests {
  /// Long enough that ranks which wait for a processor or a disk are not taken for stalled.
  private static let deadline = 8.0

  /// Trains on two ranks until they are stopped; every step is logged.
  private func train(_ space: Workspace, _ more: String...) throws -> CommandResult {
    try space.program(
      ranks: 2,
      space.train("--set", "train.length=100000 steps", "--set", "train.checkpoint_every=2 steps")
        + ["--set", "distributed.deadline_seconds=\(Self.deadline)"] + more)
  }

  private func expectBlame(_ result: CommandResult, of rank: Int, _ words: String) throws {
    #expect(result.exitCode == 74 && !result.timedOut, "\(result)")
    let verdict = try #require(result.errorLines("stalled: rank \(rank) on ").first, "\(result)")
    #expect(verdict.contains(words) && verdict.contains("(deadline \(Self.deadline) s)"), "\(result)")
    // As the ranks measured it from the stall on: how long they took to start is not in it.
    let silence = try #require(verdict.firstMatch(of: /for ([0-9.]+) s/).flatMap { Double($0.output.1) }, "\(result)")
    #expect((Self.deadline...Self.deadline + 10).contains(silence), "\(result)")
    #expect(result.errorLines("  at fault: ").count == 1, "\(result)")
    #expect(result.errorLines("  at fault: rank \(rank) on ").count == 1, "\(result)")
    // The other one waits for it, and says in which bucket.
    let other = result.errorLines("  rank \(1 - rank) on ")
    #expect(other.count == 1 && other.allSatisfy { $0.contains("waiting in MPI_") }, "\(result)")
    #expect(result.errorLines("error: ").count == 1, "\(result)")
  }

  @Test("a rank that hangs in a step is blamed, with phase, step, work and seconds, and all leave with 74")
  func hang() throws {
    let space = try Workspace()
    let result = try train(space, "--inject", "stall:rank=0,step=4")
    try expectBlame(result, of: 0, ": in training, step 4, prepare batch (wait for data), for ")
    #expect(CheckpointStore(runDirectory: space.folder.file("run")).latestStep == 2)
    #expect(HangLimit.wait { rankProcesses(mentioning: space.folder.file("run")).isEmpty })
  }

  @Test("a stopped rank is blamed by the others, rank 0 by its deputy, and no process survives", arguments: [0, 1])
  func stopped(rank: Int) throws {
    let space = try Workspace()
    let directory = space.folder.file("run")
    when("\(directory)/log.txt", says: "\nstep ") {
      if let process = rankProcesses(mentioning: directory)[rank] { kill(process, SIGSTOP) }
    }
    let result = try train(space)
    try expectBlame(result, of: rank, ": not heard for ")
    #expect(HangLimit.wait { rankProcesses(mentioning: directory).isEmpty })
  }
}
