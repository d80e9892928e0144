import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Training

/// Oracle: two runs made equal by hand, with one thing changed.
@Suite struct RunComparisonTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory("comparison")
    for name in ["expected", "actual"] { try writeRun(name) }
  }

  private func writeRun(
    _ name: String, weight: Float = 2, momentum: Float = 4, position: Int = 6, loss: String = "0.5",
    seconds: String = "1"
  ) throws {
    try FileManager.default.createDirectory(
      atPath: folder.file("\(name)/evaluations/step-00000010"), withIntermediateDirectories: true)
    try CheckpointStore(runDirectory: folder.file(name)).write(
      CheckpointState(step: 10, positionInEpoch: position),
      model: [TensorToWrite("a", shape: [2], [1, 1]), TensorToWrite("b", shape: [2], [1, weight])],
      optimizer: [TensorToWrite("a", shape: [1], [momentum])], keeping: .init(newest: 1))
    try folder.write(
      """
      {"step": 9, "epoch": 1.5, "loss": 0.25, "step_seconds": \(seconds), "images_per_second": \(seconds)}
      {"step": 10, "epoch": 1.6, "loss": \(loss), "step_seconds": 1, "images_per_second": 2}

      """, to: "\(name)/metrics.jsonl")
    for file in ["metrics.json", "coco_instances_results.json"] {
      try folder.write("[]", to: "\(name)/evaluations/step-00000010/\(file)")
    }
  }

  private func difference() throws -> String? {
    try RunComparison(expected: folder.file("expected"), actual: folder.file("actual")).difference()
  }

  @Test("equal runs have no difference, whatever the clock said")
  func equal() throws {
    try writeRun("actual", seconds: "7")
    #expect(try difference() == nil)
  }

  @Test("the first differing tensor is named with its place and both numbers, to the last bit")
  func tensors() throws {
    try writeRun("actual", weight: Float(2).nextUp)
    #expect(
      try difference()
        == "model.safetensors: b[1] is 2.0000002, expected 2.0; 1 of 2 elements of the tensor differ")
    try writeRun("actual", momentum: 5)
    #expect(try difference()?.hasPrefix("optimizer.safetensors: a[0] is 5.0, expected 4.0") == true)
  }

  @Test("a differing state, row of metrics or evaluation is named")
  func others() throws {
    try writeRun("actual", position: 7)
    #expect(
      try difference()
        == "checkpoints/step-00000010/state.json: \"positionInEpoch\" : 7,, expected \"positionInEpoch\" : 6,")
    try writeRun("actual", loss: "0.500001")
    #expect(try difference() == "metrics.jsonl: step 10: loss is 0.500001, expected 0.5")
    try writeRun("actual", loss: "0.50000000000000011")
    #expect(try difference() == "metrics.jsonl: step 10: loss is 0.5000000000000001, expected 0.5")
    try writeRun("actual")
    try folder.write("[1]", to: "actual/evaluations/step-00000010/coco_instances_results.json")
    #expect(
      try difference() == "evaluations/step-00000010/coco_instances_results.json: other results or figures")
  }

  @Test("a run that ended at another step is a difference")
  func step() throws {
    try CheckpointStore(runDirectory: folder.file("actual")).write(
      CheckpointState(step: 11), model: [], optimizer: [], keeping: .init(newest: 1))
    #expect(try difference() == "the last checkpoint is that of step 11, expected 10")
  }
}
