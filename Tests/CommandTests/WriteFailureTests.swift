import Checkpoints
import Foundation
import TestSupport
import Testing

/// Oracle: the documented exit codes and messages, on a small disk that fills up and is emptied again.
@Suite(.serialized, .enabled(if: MountedFolder.isAllowed, Comment(rawValue: MountedFolder.reason)))
struct WriteFailureTests {
  /// A run of two ranks on a disk with room for one checkpoint and a half, beside a file as large as a checkpoint.
  private struct FullDisk {
    let space: Workspace
    let disk: MountedFolder
    let directory: String

    init() throws {
      space = try Workspace()
      let set = "\(space.trained.run)/checkpoints/step-00000001"
      let names = try FileManager.default.contentsOfDirectory(atPath: set)
      let bytes = try names.reduce(0) {
        try $0 + (FileManager.default.attributesOfItem(atPath: "\(set)/\($1)")[.size] as? Int ?? 0)
      }
      disk = try MountedFolder(mebibytes: (bytes * 5 / 2) >> 20)
      directory = "\(disk.path)/run"
      try Data(count: bytes).write(to: URL(fileURLWithPath: filler))
    }

    func train(_ more: String...) throws -> CommandResult {
      try space.program(
        ranks: 2,
        [
          "--config", space.trained.configuration, "--set", "data.root=\(space.data)", "--output", directory, "--set",
          "train.keep_checkpoints=1",
        ] + more.flatMap { ["--set", $0] })
    }

    var filler: String { "\(disk.path)/filler" }
    var store: CheckpointStore { CheckpointStore(runDirectory: directory) }
  }

  @Test("a disk that is full ends all ranks with one message and code 73; the checkpoint before is whole")
  func stops() throws {
    let full = try FullDisk()
    // Many steps after the failing checkpoint: the ranks leave in the step that finds out, not with the next one.
    let result = try full.train("train.length=200 steps", "train.checkpoint_every=4 steps")
    result.expectError(73, ["checkpoints/.writing-step-00000008/", "cannot write: No space left on device"])
    #expect(full.store.steps == [4] && full.store.latestStep == 4)
    #expect(try full.store.openLatest { Issue.record("\($0)") }?.state.step == 4)
    let rows = try String(contentsOfFile: "\(full.directory)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
    #expect((8..<30).contains(rows.count), "stopped after \(rows.count) steps")
  }

  @Test("with write_failure: continue the run goes on, says so, and saves again once there is room")
  func continues() throws {
    let full = try FullDisk()
    let (store, log, filler) = (full.store, "\(full.directory)/log.txt", full.filler)
    Thread.detachNewThread {
      // Room is made as soon as the second checkpoint has failed.
      HangLimit.wait { (try? String(contentsOfFile: log, encoding: .utf8))?.contains("not written: ") == true }
      try? FileManager.default.removeItem(atPath: filler)
    }
    let result = try full.train(
      "train.length=16 steps", "train.checkpoint_every=2 steps", "train.write_failure=continue")
    #expect(result.exitCode == 0, "\(result)")
    let warnings = result.errorLines("warning: not written: ")
    #expect(warnings.contains { $0.contains(".writing-step-00000004/") && $0.contains("No space left") }, "\(result)")
    #expect(store.latestStep == 16)
    #expect(try store.openLatest { Issue.record("\($0)") }?.state.step == 16)
  }
}
