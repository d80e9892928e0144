import Foundation
import TestSupport
import Testing

/// What the runs of every task must hold, tried with the program itself in a folder of their own.
struct TaskTrial {
  let folder: TemporaryDirectory
  let environment: [String: String]

  init(_ name: String) throws {
    folder = try TemporaryDirectory(name)
    environment = [
      "DROPBLOCK_CACHE": folder.file("cache"), "DROPBLOCK_DATA": "", "OMPI_MCA_odls_base_sigkill_timeout": "0",
    ]
  }

  /// The rows of a run's metrics.
  func rows(_ run: String) throws -> [[String: Any]] {
    try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8).split(separator: "\n").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
  }

  /// Trains six steps on two ranks, once in one go and once with a rank killed in step 5, expects the same bytes, and returns the
  /// former run with what it said.
  func exactlyRestarted(_ configuration: [String]) throws -> (run: String, result: CommandResult) {
    let (whole, broken) = (folder.file("whole"), folder.file("broken"))
    let trained = try runProgram(
      ranks: 2, ["train"] + configuration + ["--output", whole], environment: environment)
    #expect(trained.exitCode == 0, "\(trained)")
    let stopped = try runProgram(
      ranks: 2, ["train"] + configuration + ["--output", broken, "--inject", "kill:rank=1,step=5"],
      environment: environment)
    #expect(stopped.exitCode != 0, "\(stopped)")
    let resumed = try runProgram(
      ranks: 2, ["train"] + configuration + ["--output", broken], environment: environment)
    #expect(resumed.exitCode == 0 && (resumed.output + resumed.errorOutput).contains("resuming from"), "\(resumed)")
    for file in ["model.safetensors", "optimizer.safetensors", "state.json"] {
      let path = "checkpoints/step-00000006/\(file)"
      let isSame = FileManager.default.contentsEqual(atPath: "\(whole)/\(path)", andPath: "\(broken)/\(path)")
      #expect(isSame, "\(file)")
    }
    return (whole, trained)
  }

  /// The figures of a run, as 1, 2 and 3 ranks write them with the same bytes.
  func figures(_ run: String) throws -> (bytes: Data, values: [String: Any]) {
    let files = try [1, 2, 3].map { ranks in
      let json = folder.file("figures-\(ranks).json")
      let result = try runProgram(
        ranks: ranks, ["evaluate", "--checkpoint", run, "--json", json], environment: environment)
      #expect(result.exitCode == 0, "\(result)")
      return try Data(contentsOf: URL(fileURLWithPath: json))
    }
    #expect(files[0] == files[1] && files[0] == files[2])
    return (files[0], try #require(JSONSerialization.jsonObject(with: files[0]) as? [String: Any]))
  }
}
