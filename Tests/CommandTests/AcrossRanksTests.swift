@testable import Checkpoints
import Foundation
import TestSupport
import Testing

/// Oracle: the run with one rank.
@Suite(.serialized) struct AcrossRanksTests {
  private static let configuration = """
    name: shards
    reproducible: across_ranks
    data:
      kind: shapes
      shapes: {size: 64, train_images: 28, val_images: 4}
    input: {size: 64, scale_min: 0.8, scale_max: 1.2, flip: 0.5, evaluation: {size: 64}}
    model: {form: paper, depth: 18, classes: 5}
    dropblock: {groups: [3, 4], block_size: 3, keep_prob: 0.8}
    batch: {global: 8, per_shard: 2}
    learning_rate: {warmup: 1 step, schedule: cosine}
    train: {length: 3 steps, log_every: 1}
    planner: {algorithms: direct}

    """

  @Test("with reproducible: across_ranks, 1, 2 and 4 ranks leave the same bytes and losses")
  func bytes() throws {
    let folder = try TemporaryDirectory("shards")
    let configuration = try folder.write(Self.configuration, to: "shards.yaml")
    let runs = [1, 2, 4].map { RestartRun("ranks\($0)", ranks: $0, configuration: configuration, in: folder) }
    for run in runs {
      let result = try run.finish()
      #expect(result.exitCode == 0, "\(result)")
    }
    for run in runs.dropFirst() {
      for file in [CheckpointSet.modelName, CheckpointSet.optimizerName] {
        let expected = try Data(contentsOf: URL(fileURLWithPath: runs[0].checkpoint(3, file)))
        let isSame = try Data(contentsOf: URL(fileURLWithPath: run.checkpoint(3, file))) == expected
        #expect(isSame, "\(file) with \(run.ranks) ranks")
      }
      #expect(run.losses == runs[0].losses)
    }
    #expect(runs[0].losses.count == 3)
  }

  @Test("three ranks cannot share a power of two of shards: error 78 that says how many can")
  func three() throws {
    let folder = try TemporaryDirectory("shards")
    let configuration = try folder.write(Self.configuration, to: "shards.yaml")
    let result = try RestartRun("three", ranks: 3, configuration: configuration, in: folder).finish()
    #expect(result.exitCode == 78, "\(result)")
    #expect(result.errorOutput.contains("1, 2, 4, ... up to 4 ranks for 4 shards of 2 images; got 3"), "\(result)")
  }
}
