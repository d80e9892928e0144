import Checkpoints
import Foundation
import TestSupport

/// A run directory with small checkpoint sets whose weights tell their step.
struct SampleRun {
  let folder: TemporaryDirectory
  let store: CheckpointStore

  init() throws {
    folder = try TemporaryDirectory("run")
    store = CheckpointStore(runDirectory: folder.path)
  }

  @discardableResult
  func write(_ step: Int, metric: Double? = nil, newest: Int = 100) throws -> String {
    try Self.write(step, metric: metric, newest: newest, to: store)
  }

  @discardableResult
  static func write(
    _ step: Int, metric: Double? = nil, newest: Int = 100, to store: CheckpointStore
  ) throws -> String {
    try store.write(
      state(step, metric: metric), model: tensors(step), optimizer: tensors(-step),
      keeping: CheckpointRetention(newest: newest))
  }

  static func state(_ step: Int, metric: Double? = nil) -> CheckpointState {
    CheckpointState(
      step: step, epoch: 3, positionInEpoch: 17, seed: .max, worldSize: 2, configuration: "a: \"b\"\n/é\n",
      metric: metric, bestMetric: 0.1, bestStep: 1, extra: ["name": "value"])
  }

  static func tensors(_ step: Int) -> [TensorToWrite] {
    [TensorToWrite("w", shape: [2, 2], [Float](repeating: Float(step), count: 4))]
  }

  func path(_ name: String) -> String { "\(store.directory)/\(name)" }

  /// Everything in the directory of the sets.
  func entries() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: store.directory).sorted()
  }

  func bytes(_ name: String) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  func replace(_ name: String, by bytes: [UInt8]) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path(name)))
  }
}

/// The warnings of one call.
final class Warnings {
  private(set) var texts: [String] = []
  func add(_ text: String) { texts.append(text) }
}
