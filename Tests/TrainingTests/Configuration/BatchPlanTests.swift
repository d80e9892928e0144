import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: by hand; an update always has the images of the checkpoint.
@Suite struct BatchPlanTests {
  private func configuration(_ batch: String) throws -> Configuration {
    try Configuration(text: "batch: {\(batch)}\n", name: "test")
  }

  @Test(
    "a run goes on with other ranks and the same images an update",
    arguments: [
      // Stated, images an update, ranks -> images a pass and passes.
      ("per_rank: 2", 4, 2, 2, 1), ("per_rank: 2", 4, 1, 4, 1), ("per_rank: 2", 4, 4, 1, 1),
      ("per_rank: 2, accumulate: 3", 12, 1, 4, 3), ("per_rank: 2, accumulate: 3", 12, 4, 1, 3),
      // Six ranks have two images each, which three passes do not divide: two do.
      ("per_rank: 2, accumulate: 3", 12, 6, 1, 2), ("per_rank: 2, accumulate: 3", 12, 12, 1, 1),
      ("global: 8", 8, 2, 4, 1), ("global: 8, accumulate: 4", 8, 4, 1, 2), ("global: 8, accumulate: 4", 8, 1, 2, 4),
      // Stated for these ranks by hand.
      ("per_rank: 1, accumulate: 8", 8, 1, 1, 8),
    ])
  func shared(stated: String, images: Int, ranks: Int, perRank: Int, accumulate: Int) throws {
    let plan = try configuration(stated).batchPlan(ranks: ranks, imagesPerUpdate: images)
    #expect(plan == BatchPlan(perRank: perRank, accumulate: accumulate, global: images))
  }

  @Test("ranks that cannot share the images are code 78, with all numbers that can")
  func unshared() throws {
    let error = thrown(ConfigurationError.self) {
      try configuration("per_rank: 4").batchPlan(ranks: 3, imagesPerUpdate: 8)
    }
    #expect(error?.exitCode == .badConfiguration)
    #expect(error?.description.contains("has 8 images, which 3 ranks cannot share evenly") == true)
    #expect(error?.description.contains("one of these numbers of ranks: 1, 2, 4, 8") == true)
  }

  @Test("what depends on the number of ranks is named by its key")
  func keys() throws {
    let none = try Configuration(text: "dropblock: {groups: []}\nbatch: {per_rank: 1, accumulate: 2}\n", name: "test")
    #expect(
      none.keysThatSeeRanks == [
        "batch_norm.statistics: local", "loss.normalizer: local", "batch.accumulate: 2",
      ])
    let all = "batch_norm: {statistics: global}\nloss: {normalizer: global}\nrandom: {stream: sample}\n"
    let global = try Configuration(
      text: all + "dropblock: {groups: [4], normalizer: global}\n", name: "test")
    #expect(global.keysThatSeeRanks.isEmpty)
    let dropout = try Configuration(text: "dropout: {groups: [4]}\nbatch_norm: {mode: frozen}\n", name: "test")
    #expect(dropout.keysThatSeeRanks == ["loss.normalizer: local", "random.stream: rank"])
    let drops = try Configuration(text: "dropblock: {groups: [4]}\nbatch_norm: {mode: frozen}\n", name: "test")
    #expect(
      drops.keysThatSeeRanks == ["loss.normalizer: local", "dropblock.normalizer: local", "random.stream: rank"])
  }
}
