import Checkpoints
import Foundation
import TestSupport
import Testing

/// Oracle: the run's own log, and the documented exit codes.
@Suite struct WatchTests {
  private func watch(_ run: String) throws -> CommandResult { try runProgram(["watch", run]) }

  /// The lines of a run's log.
  private func log(_ run: String) throws -> [Substring] {
    try String(contentsOfFile: "\(run)/log.txt", encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .dropLast()
  }

  @Test("of a finished run it shows the end of the log, and ends with 0")
  func finished() throws {
    let run = try TrainedRun.shared.get().run
    let result = try watch(run)
    #expect(result.exitCode == 0 && result.errorOutput.isEmpty, "\(result)")
    #expect(try result.output == log(run).suffix(20).map { "\($0)\n" }.joined(), "\(result)")
  }

  @Test("it follows a run to its stop or death, and ends with the documented code", arguments: [SIGTERM, SIGKILL])
  func running(signal: Int32) throws {
    let space = try Workspace()
    let run = space.folder.file("run")
    let arguments = space.train("--set", "train.length=100000 steps", "--set", "train.checkpoint_every=3 steps")
    let job = Background { try space.program(ranks: 1, arguments) }
    #expect(HangLimit.wait { CheckpointStore(runDirectory: run).latestStep != nil })
    let shown = space.folder.file("shown")
    let follower = Background {
      try TestSupport.run(["bash", "-c", "\"$0\" watch \"$1\" >\"$2\"", Locations.program, run, shown])
    }
    func lines(_ file: String) -> Int {
      (try? String(contentsOfFile: file, encoding: .utf8))?.split(separator: "\n").count ?? 0
    }
    #expect(HangLimit.wait { lines(shown) > 0 })
    let steps = try log(run).count
    // It goes on for a while beside the follower.
    #expect(HangLimit.wait { lines("\(run)/log.txt") > steps + 3 })
    kill(try RunOwner(of: run).process, signal)
    _ = try job.result()
    let result = try follower.result()
    let (code, words) = signal == SIGTERM ? (75, "stopped after step") : (74, "no process writes to it")
    result.expectError(Int32(code), ["\(run): ", words])
    let seen = try String(contentsOfFile: shown, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .dropLast()
    #expect(try seen.count > 3 && Array(log(run).suffix(seen.count)) == Array(seen), "\(result)")
  }

  @Test("what is no run is error 66")
  func mistakes() throws {
    try watch("/no/run").expectError(66, ["/no/run: expected a run directory, found none"])
  }
}
