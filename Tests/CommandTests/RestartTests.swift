@testable import Checkpoints
import Foundation
import TestSupport
import Testing

/// Oracle: the same run in one go.
@Suite(.serialized) struct RestartTests {
  /// A detector small enough for seconds, with everything on that a restart could forget: drawn scales and flips, masks
  /// with a schedule, Adam's two means, averaged weights, timed algorithms, images prepared ahead, and an epoch that ends on
  /// the way.
  private static let configuration = """
    name: restart
    data:
      kind: shapes
      workers: 2
      prefetch_depth: 3
      shapes: {size: 64, train_images: 10, val_images: 2}
    input: {size: 64, scale_min: 0.8, scale_max: 1.2, flip: 0.5, evaluation: {size: 64}}
    model: {form: paper, depth: 18, classes: 5}
    dropblock: {groups: [3, 4], block_size: 3, keep_prob: 0.8}
    batch: {per_rank: 2}
    optimizer: {kind: adam, average_decay: 0.99}
    learning_rate: {peak: 0.001, warmup_start: 0, warmup: 2 steps, schedule: cosine}
    train: {length: 8 steps, checkpoint_every: 4 steps, log_every: 1}
    planner: {algorithms: timed}

    """

  @Test("8 steps, and 6 steps, kill -9, resume from 4 and 4 steps, leave the same bytes", arguments: [1, 2])
  func exact(ranks: Int) throws {
    let folder = try TemporaryDirectory("restart")
    let configuration = try folder.write(Self.configuration, to: "restart.yaml")
    let whole = RestartRun("whole", ranks: ranks, configuration: configuration, in: folder)
    let first = try whole.finish()
    #expect(first.exitCode == 0, "\(first)")

    // Meanwhile another run cached what it timed; it is not to show in this run's checkpoints.
    try editPlan(in: folder.file("cache")) {
      $0.replacingOccurrences(of: "\"choices\" : {", with: "\"choices\" : {\n    \"another\" : \"direct\",")
    }
    let broken = RestartRun("broken", ranks: ranks, configuration: configuration, in: folder)
    let wasKilled = try broken.kill(inStep: 7) {
      FileManager.default.fileExists(atPath: broken.checkpoint(4, CheckpointSet.stateName))
        && broken.losses.count >= 6
    }
    #expect(wasKilled, "the run ended before it was killed")
    #expect(!FileManager.default.fileExists(atPath: broken.checkpoint(8, CheckpointSet.stateName)))
    // Whoever resumes finds other timings: the run goes on with the algorithms that its checkpoint names.
    try editPlan(in: folder.file("cache")) {
      $0.replacingOccurrences(of: "\"direct\"", with: "\"?\"")
        .replacingOccurrences(of: "\"winograd\"", with: "\"direct\"")
        .replacingOccurrences(of: "\"?\"", with: "\"winograd\"")
    }
    let resumed = try broken.finish()
    #expect(resumed.exitCode == 0, "\(resumed)")
    #expect((resumed.output + resumed.errorOutput).contains("resuming from \(broken.directory)"), "\(resumed)")

    for step in [4, 8] {
      for file in [CheckpointSet.modelName, CheckpointSet.optimizerName, CheckpointSet.stateName] {
        let expected = try Data(contentsOf: URL(fileURLWithPath: whole.checkpoint(step, file)))
        let actual = try Data(contentsOf: URL(fileURLWithPath: broken.checkpoint(step, file)))
        // Said in a word: a failed expectation would print both files.
        let isSame = expected == actual
        #expect(isSame, "\(file) of step \(step) with \(ranks) ranks")
      }
    }
    #expect(whole.losses.count == 8)
    #expect(broken.losses == whole.losses, "every step is recorded once, with the same loss")
  }

  /// Changes the one plan file of a cache.
  private func editPlan(in cache: String, _ edit: (String) -> String) throws {
    let plans = try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasPrefix("algorithms-") }
    try #require(plans.count == 1, "\(plans)")
    let file = URL(fileURLWithPath: "\(cache)/\(plans[0])")
    let before = try String(contentsOf: file, encoding: .utf8)
    let after = edit(before)
    try #require(after != before)
    try after.write(to: file, atomically: false, encoding: .utf8)
  }
}
