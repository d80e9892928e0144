import Checkpoints
import Foundation
import TestSupport
import Testing

/// Oracle: the run that kept its number of ranks.
@Suite(.serialized) struct OtherRanksTests {
  /// Everything global and by sample, so that the number of ranks matters to rounding alone.
  ///
  /// Rounding grows: one ReLU that flips moves the loss by 1e-4, on maps as small as these within five to ten steps. So only
  /// three steps go on, in which a mistake in what ranks share shows at once; an epoch ends among them.
  private static let configuration = """
    name: elastic
    data:
      kind: shapes
      shapes: {size: 64, train_images: 20, val_images: 4}
    input: {size: 64, scale_min: 0.8, scale_max: 1.2, flip: 0.5, evaluation: {size: 64}}
    model: {form: paper, depth: 18, classes: 5}
    batch_norm: {statistics: global, decay: 0.9}
    dropblock: {groups: [3, 4], block_size: 3, keep_prob: 0.8, normalizer: global}
    loss: {normalizer: global}
    random: {stream: sample}
    batch: {per_rank: 2}
    learning_rate: {peak: 0.001, reference_batch: 4, warmup: 2 steps, schedule: cosine}
    train: {length: 7 steps, checkpoint_every: 4 steps, log_every: 1}
    planner: {algorithms: direct}

    """

  @Test("4 steps on two ranks and 3 on one, or on four, have the losses and statistics of 7 on two")
  func goesOn() throws {
    let folder = try TemporaryDirectory("elastic")
    let configuration = try folder.write(Self.configuration, to: "elastic.yaml")
    let whole = RestartRun("whole", ranks: 2, configuration: configuration, in: folder)
    let first = try whole.finish()
    #expect(first.exitCode == 0, "\(first)")
    #expect(whole.losses.count == 7)
    for ranks in [1, 4] {
      let other = RestartRun("on-\(ranks)", ranks: ranks, configuration: configuration, in: folder)
      try FileManager.default.copyItem(atPath: whole.directory, toPath: other.directory)
      try FileManager.default.removeItem(atPath: "\(other.directory)/checkpoints/step-00000007")
      let result = try other.finish()
      #expect(result.exitCode == 0, "\(result)")
      #expect(
        result.output.contains("the checkpoint is of 2 ranks with 2 images a pass; going on with \(ranks) ranks"),
        "\(result)")
      #expect(!result.output.contains("beyond rounding"), "\(result)")
      let (expected, actual) = (whole.lossValues, other.lossValues)
      #expect(actual.count == 7)
      #expect(actual.prefix(4) == expected.prefix(4), "the rows before are kept")
      for (a, e) in zip(actual, expected) { #expect(abs(a / e - 1) < 1e-4, "\(ranks) ranks: \(a), expected \(e)") }
      // Every bit alike would mean that nothing was shared out otherwise.
      #expect(actual != expected)
      let distance = Closeness(of: try statistics(other), to: try statistics(whole)).relativeL2
      #expect(distance < 1e-4, "\(ranks) ranks")
    }
  }

  /// All running means and variances at the end, together: the means of some layers are nothing but rounding.
  private func statistics(_ run: RestartRun) throws -> [Float] {
    let file = try SafetensorsFile(path: run.checkpoint(7, "model.safetensors"))
    return try file.names.filter { $0.contains("running_") }.flatMap { try file.floats(named: $0) }
  }
}
