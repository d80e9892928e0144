import Foundation
import TestSupport
import Testing

/// The short version of the proof that restarts are exact; 20 kills a number of ranks are made outside of the tests.
@Suite(.serialized) struct VerifyResumeTests {
  /// What makes the configuration of `verify-resume` small.
  private static let tiny = [
    "data.shapes.size=64", "data.shapes.train_images=16", "data.shapes.val_images=4", "input.size=64",
    "input.evaluation.size=64", "batch.per_rank=1", "planner.algorithms=direct",
  ].flatMap { ["--set", $0] }

  private struct Report: Decodable {
    struct Run: Decodable {
      let rank: Int
      let difference: String?
    }
    let ranks: Int
    let runs: [Run]
  }

  @Test("runs of two ranks killed in a step and in a write end like the one left alone; nothing is left behind")
  func exact() throws {
    let folder = try TemporaryDirectory("verify")
    let arguments =
      [
        "verify-resume", "--kills", "2", "--seed", "3", "--scratch", folder.file("scratch"), "--json",
        folder.file("report.json"), "--set", "train.length=8 steps", "--set", "train.checkpoint_every=3 steps",
      ] + Self.tiny
    // Started by mpirun itself: the first rank watches, the other one leaves at once, and neither joins MPI.
    let result = try runProgram(ranks: 2, arguments, environment: ["DROPBLOCK_CACHE": folder.file("cache")])
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("\n2 of 2 identical\n"), "\(result)")
    #expect(result.output.contains("undisturbed run on 2 ranks: 8 steps"), "\(result)")
    let json = try Data(contentsOf: URL(fileURLWithPath: folder.file("report.json")))
    let report = try JSONDecoder().decode(Report.self, from: json)
    #expect(report.ranks == 2 && report.runs.count == 2)
    #expect(report.runs.allSatisfy { $0.difference == nil && (0..<2).contains($0.rank) })
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("scratch")) == [])
  }

  @Test("when the watching process is killed, its runs end too")
  func diesWithSupervisor() throws {
    let folder = try TemporaryDirectory("verify")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Locations.program)
    process.arguments =
      [
        "verify-resume", "--ranks", "2", "--kills", "1", "--scratch", folder.path, "--set",
        "train.length=100000 steps",
      ] + Self.tiny
    process.environment = ProcessInfo.processInfo.environment.merging(mpirunEnvironment) { $1 }
      .merging(["DROPBLOCK_CACHE": folder.file("cache")]) { $1 }
    (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
    try process.run()
    func family() -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter {
        guard let words = FileManager.default.contents(atPath: "/proc/\($0)/cmdline") else { return false }
        return String(decoding: words, as: UTF8.self).contains("\(folder.path)/dropblock-verify")
      }
    }
    // mpirun and two ranks.
    #expect(HangLimit.wait { family().count >= 3 })
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    #expect(HangLimit.wait { family().isEmpty })
  }
}
