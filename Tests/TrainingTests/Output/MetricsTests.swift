import Foundation
import TestSupport
import Testing

@testable import Training

/// Oracle: lines written out here, and Foundation's JSON reader.
@Suite struct MetricsTests {
  static let step = TrainingMetrics(
    step: 20, epoch: 0.1, loss: 1.5, parts: [Figure("loss_class", 1.25), Figure("loss_box", 0.25)], learningRate: 1e-5,
    keepProbability: 0.995,
    imagesPerSecond: 12.5, stepSeconds: 0.16, dataSeconds: 0, allreduceExposedSeconds: 0.001)

  static let evaluation = EvaluationMetrics(
    step: 20, epoch: 0.1, figures: [("AP", 0.1234567890123456), ("APs", -1)], seconds: 2)

  @Test("a training row has the documented keys in order and all digits")
  func trainingRow() {
    #expect(
      Self.step.row.json
        == #"{"step": 20, "epoch": 0.1, "loss": 1.5, "loss_class": 1.25, "loss_box": 0.25, "learning_rate": 1e-05, "#
        + #""keep_prob": 0.995, "images_per_second": 12.5, "step_seconds": 0.16, "data_seconds": 0.0, "#
        + #""allreduce_exposed_seconds": 0.001}"#)
  }

  @Test("an evaluation row has the figures' names, -1 where there is no ground truth")
  func evaluationRow() {
    #expect(
      Self.evaluation.row.json
        == #"{"step": 20, "epoch": 0.1, "AP": 0.1234567890123456, "APs": -1.0, "evaluation_seconds": 2.0}"#)
  }

  @Test(
    "figures that are not finite are null, and the line stays JSON", arguments: [Double.nan, .infinity, -.infinity])
  func notFinite(value: Double) throws {
    var step = Self.step
    step.loss = value
    let row = try #require(JSONSerialization.jsonObject(with: Data(step.row.json.utf8)) as? [String: Any])
    #expect(row["loss"] is NSNull)
    #expect(row["step"] as? Int == 20)
    #expect(row.count == 11)
  }

  /// The steps of the rows in a metrics file.
  func steps(_ path: String) throws -> [Int] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      let row = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      return try #require(row["step"] as? Int)
    }
  }

  /// Writes a row for each step.
  func write(_ steps: [Int], to path: String, resumingAt step: Int) throws {
    let file = try MetricsFile(path: path, resumingAt: step)
    for done in steps {
      var row = Self.step
      row.step = done
      try file.append(row.row)
    }
  }

  @Test("resuming drops rows past the checkpoint and a half-written last row")
  func resuming() throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("metrics.jsonl")
    try write([10, 20, 30], to: path, resumingAt: 0)
    let half = try #require(FileHandle(forWritingAtPath: path))
    try half.seekToEnd()
    try half.write(contentsOf: Data(#"{"step": 40, "lo"#.utf8))
    try half.close()
    try write([30, 40], to: path, resumingAt: 20)
    #expect(try steps(path) == [10, 20, 30, 40])
    try write([10], to: path, resumingAt: 0)
    #expect(try steps(path) == [10])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["metrics.jsonl"])
  }

  @Test("an evaluation that is done again leaves one row, and the training row of its step")
  func evaluatedAgain() throws {
    let folder = try TemporaryDirectory()
    let path = folder.file("metrics.jsonl")
    var owed = Self.evaluation
    owed.step = 20
    for owes in [false, true] {
      try write([10, 20], to: path, resumingAt: 0)
      try MetricsFile(path: path, resumingAt: 20).append(owed.row)
      _ = try MetricsFile(path: path, resumingAt: 20, owesEvaluation: owes)
      #expect(try steps(path) == (owes ? [10, 20] : [10, 20, 20]))
    }
  }

  @Test("a row that ends without its line break is finished or dropped, never glued to the next")
  func missingLineBreak() throws {
    let folder = try TemporaryDirectory()
    let path = try folder.write(Self.step.row.json, to: "metrics.jsonl")
    try write([30], to: path, resumingAt: 20)
    #expect(try steps(path) == [20, 30])
  }

  @Test("the recorder writes the same rows to metrics, events and log")
  func recorder() throws {
    let folder = try TemporaryDirectory()
    let run = RunDirectory(path: folder.path)
    let recorder = try RunRecorder(
      directory: run, console: Console(style: .plain) { _, _ in }, resumingAt: 0)
    try recorder.record(Self.step, totalSteps: 100, secondsLeft: 61)
    try recorder.record(Self.evaluation, classes: [("cat", 0.5)])
    let lines = try String(contentsOfFile: run.metricsFile, encoding: .utf8)
    #expect(lines == "\(Self.step.row.json)\n\(Self.evaluation.row.json)\n")
    let log = try String(contentsOfFile: run.logFile, encoding: .utf8)
    #expect(log.hasPrefix("step  20/100  epoch 0.10  loss 1.5000 (class 1.2500, box 0.2500)  rate 0.0000100  "))
    #expect(log.contains("cat   0.500"))
    let names = try FileManager.default.contentsOfDirectory(atPath: run.path)
    #expect(names.count == 4 && names.contains { $0.hasPrefix("events.out.tfevents.") })
  }
}
