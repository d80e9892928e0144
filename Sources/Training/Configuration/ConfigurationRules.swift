import Distributed
import Foundation

extension Configuration {
  /// Values that are each allowed but not together.
  ///
  /// - Throws: `ConfigurationError.impossible`.
  func checkRules() throws {
    if input.scaleMinimum > input.scaleMaximum {
      throw impossible(
        "input.scale_min", "expected at most input.scale_max, \(input.scaleMaximum); got \(input.scaleMinimum)")
    }
    try checkInput()
    try checkRegularizers()
    try model.name.task.checkRules(self)
    if learningRate.schedule == .step && learningRate.boundaries.count != learningRate.factors.count {
      throw impossible(
        "learning_rate.factors",
        "expected one factor for each of the \(learningRate.boundaries.count) boundaries; "
          + "got \(learningRate.factors.yaml)")
    }
    for (earlier, later) in zip(learningRate.boundaries, learningRate.boundaries.dropFirst())
    where !earlier.comes(before: later) {
      throw impossible(
        "learning_rate.boundaries",
        "expected rising boundaries, all in steps or all in epochs; got \(learningRate.boundaries.yaml)")
    }
    if reproducible == .acrossRanks {
      // Shards act as ranks do: what is global would have to be summed over shards that are not computed together.
      for (key, isKept) in [
        ("batch.per_rank", batch.perRank == nil), ("batch.accumulate", batch.accumulate == 1),
        ("batch_norm.statistics", batchNorm.statistics == .local || batchNorm.mode != .trained),
        ("loss.normalizer", loss.normalizer == .local), ("dropblock.normalizer", dropBlock.normalizer == .local),
        ("allreduce.precision", allreduce.precision == .f32),
      ] where !isKept {
        throw impossible(
          key,
          "reproducible: across_ranks takes shards of batch.per_shard images from batch.global, each with statistics and "
            + "normalizers of its own, and sums floats; remove this key")
      }
      let shards = (batch.global ?? 0) / batch.perShard
      if shards * batch.perShard != batch.global || shards.nonzeroBitCount != 1 {
        throw impossible(
          "batch.global",
          "expected 1, 2, 4, 8, ... shards of \(batch.perShard) images with reproducible: across_ranks; got "
            + "\(batch.global ?? 0) images")
      }
    }
    if train.length == .steps(0) || train.length == .epochs(0) {
      throw impossible("train.length", "expected at least 1 step; got \(train.length.yaml)")
    }
    let spans = [
      ("train.checkpoint_every", EvaluationInterval.every(train.checkpointEvery)),
      ("train.evaluate_every", train.evaluateEvery),
    ]
    for (key, span) in spans where span == .every(.steps(0)) || span == .every(.epochs(0)) {
      throw impossible(key, "expected at least 1 step; got \(span.yaml)")
    }
  }

  /// Values of the input that do not go with the model or the data.
  private func checkInput() throws {
    for (key, values) in [("input.mean", input.mean), ("input.deviation", input.deviation)] {
      guard let values, values.count != 1, values.count != data.kind.channels else { continue }
      throw impossible(
        key,
        "expected one number\(data.kind.channels == 1 ? "" : " or \(data.kind.channels)") with data.kind "
          + "\(data.kind.rawValue); got \(values.yaml)")
    }
  }

  /// The directory that relative parts of the data set start from: `data.root`, or `$DROPBLOCK_DATA`.
  ///
  /// - Throws: `ConfigurationError` when neither is given.
  func dataRoot() throws -> String {
    if let root = data.root { return root }
    if let root = processEnvironment()["DROPBLOCK_DATA"], !root.isEmpty {
      return ConfigurationPath.absolute(root, in: ".")
    }
    throw impossible(
      "data.root",
      "expected the directory of the data set; got null, and DROPBLOCK_DATA is not set; "
        + "set that, or give --set data.root=DIR")
  }

  /// The error of a key whose value is allowed by itself.
  func impossible(_ key: String, _ reason: String) -> ConfigurationError {
    .impossible(place: places[key], key: key, reason: reason)
  }
}

extension TrainingSpan {
  /// Whether this length is the smaller of two in the same unit.
  fileprivate func comes(before other: TrainingSpan) -> Bool {
    switch (self, other) {
    case (.steps(let first), .steps(let second)): first < second
    case (.epochs(let first), .epochs(let second)): first < second
    case (.steps, .epochs), (.epochs, .steps): false
    }
  }
}
