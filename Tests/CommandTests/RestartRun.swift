import Checkpoints
import Foundation
import Glibc
import TestSupport

/// A short training run of the program that can be killed on the way and taken up again.
struct RestartRun {
  let ranks: Int
  /// The run directory.
  let directory: String
  private let arguments: [String]
  private let environment: [String: String]

  /// A run of `configuration` below `folder`; runs of one folder share its cache.
  init(_ name: String, ranks: Int, configuration: String, in folder: TemporaryDirectory) {
    self.ranks = ranks
    directory = folder.file(name)
    arguments = ["train", "--config", configuration, "--output", directory, "--resume", "auto"]
    environment = mpirunEnvironment.merging(["DROPBLOCK_CACHE": folder.file("cache"), "OMP_NUM_THREADS": "1"]) { $1 }
  }

  /// Runs the command to its end.
  func finish() throws -> CommandResult {
    ranks == 1
      ? try runProgram(arguments, environment: environment)
      : try runProgram(ranks: ranks, arguments, environment: environment)
  }

  /// Runs the command until it stands still in a step, and ends every rank with SIGKILL as soon as `isTime`; false when
  /// it ended before or never came there.
  func kill(inStep step: Int, when isTime: () -> Bool) throws -> Bool {
    let process = Process()
    let command =
      (ranks == 1 ? ["env"] : mpirunPrefix(ranks: ranks)) + [Locations.program] + arguments
      + ["--inject", "stall:rank=0,step=\(step)"]
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    (process.standardInput, process.standardOutput, process.standardError) = (
      FileHandle.nullDevice, FileHandle.nullDevice, FileHandle.nullDevice
    )
    try process.run()
    defer { process.waitUntilExit() }
    let isInTime = HangLimit.wait { isTime() || !process.isRunning }
    // `env` became the program or mpirun; the ranks are mpirun's children.
    let victims = ranks == 1 ? [process.processIdentifier] : try children(of: process.processIdentifier)
    let killed = victims.count { Glibc.kill($0, SIGKILL) == 0 }
    if killed != ranks { process.terminate() }
    return isInTime && killed == ranks
  }

  private func children(of parent: pid_t) throws -> [pid_t] {
    try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { entry in
      guard let process = pid_t(entry), let status = try? String(contentsOfFile: "/proc/\(entry)/stat", encoding: .utf8)
      else { return nil }
      // After the name in parentheses: the state, then the parent.
      let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
      return fields.count > 1 && pid_t(fields[1]) == parent ? process : nil
    }
  }

  /// The path of a file of the checkpoint of a step.
  func checkpoint(_ step: Int, _ file: String) -> String {
    "\(directory)/checkpoints/\(CheckpointStore.name(ofStep: step))/\(file)"
  }

  /// The loss of every training row.
  var lossValues: [Double] {
    losses.compactMap { $0.split(separator: ":").last.flatMap { Double($0.trimmingCharacters(in: .whitespaces)) } }
  }

  /// The step and the loss of every training row of the metrics, as text: equal text is equal numbers.
  var losses: [String] {
    let text = (try? String(contentsOfFile: "\(directory)/metrics.jsonl", encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: ",").filter { $0.contains("\"step\"") || $0.contains("\"loss\"") }
      return fields.count == 2 ? fields.joined() : nil
    }
  }
}
