import Datasets
import Regularization

/// How many images each rank works on in a pass and in an update.
public struct BatchPlan: Equatable, Sendable {
  /// Images of one rank in one forward and backward pass.
  public let perRank: Int
  /// Passes whose gradients are added up before an update.
  public let accumulate: Int
  /// Images of all ranks and passes in one update.
  public let global: Int
  /// Which images a pass of a rank takes.
  public let order: MicroBatchOrder

  /// A division of a batch.
  init(perRank: Int, accumulate: Int, global: Int, order: MicroBatchOrder = .byPass) {
    (self.perRank, self.accumulate, self.global, self.order) = (perRank, accumulate, global, order)
  }

  /// Whether passes act as ranks do, and everything is summed in one tree over the passes of all ranks.
  public var hasShards: Bool { order == .byRank }

  /// Passes of all ranks in one update.
  public var passes: Int { global / perRank }
}

extension Configuration {
  /// The batch for so many ranks.
  ///
  /// - Throws: `ConfigurationError.impossible` when the global number cannot be divided evenly, or is more than masks
  ///   can number.
  public func batchPlan(ranks: Int) throws -> BatchPlan {
    let plan =
      switch reproducible {
      case .sameRanks: try batch.plan(ranks: ranks)
      case .acrossRanks: try batch.plan(shardsOver: ranks)
      }
    return try numbered(plan, ranks: ranks)
  }

  /// The batch, if masks can number its images.
  private func numbered(_ plan: BatchPlan, ranks: Int) throws -> BatchPlan {
    let ofStream =
      switch random.stream {
      case .sample: plan.global
      case .rank: plan.hasShards ? plan.perRank : plan.global / ranks
      }
    if regularizerSettings != nil && ofStream > MaskStream.sampleLimit {
      throw impossible(
        "batch",
        "expected at most \(MaskStream.sampleLimit) images for a random stream in an update with a regulariser, got "
          + "\(ofStream); use smaller batches" + (random.stream == .sample ? ", or random.stream: rank" : ""))
    }
    return plan
  }

  /// The batch for a run whose updates already have so many images, on any number of ranks.
  ///
  /// What the configuration states is taken where it gives that many. Else the ranks share them evenly: each keeps the
  /// stated number of passes, or the next smaller one that divides its share.
  /// - Throws: `ConfigurationError.impossible`, with the numbers of ranks that fit.
  public func batchPlan(ranks: Int, imagesPerUpdate images: Int) throws -> BatchPlan {
    let stated = Result { try batchPlan(ranks: ranks) }
    if case .success(let plan) = stated, plan.global == images { return plan }
    if reproducible == .acrossRanks { return try stated.get() }
    guard images % ranks == 0 else {
      let fitting = (1...images).filter { images % $0 == 0 }.map(String.init)
      throw ConfigurationError.impossible(
        place: "this run", key: "batch",
        reason: "an update of the run that goes on has \(images) images, which \(ranks) ranks cannot share evenly; "
          + "start it with one of these numbers of ranks: \(fitting.joined(separator: ", "))")
    }
    let share = images / ranks
    let passes = (1...min(batch.accumulate, share)).last { share % $0 == 0 } ?? 1
    return try numbered(BatchPlan(perRank: share / passes, accumulate: passes, global: images), ranks: ranks)
  }

  /// The keys by whose values a run's figures depend on the number of ranks, beyond rounding.
  var keysThatSeeRanks: [String] {
    if reproducible == .acrossRanks { return [] }
    var keys: [String] = []
    if batchNorm.mode == .trained && batchNorm.statistics == .local { keys.append("batch_norm.statistics: local") }
    if loss.normalizer == .local { keys.append("loss.normalizer: local") }
    if !dropBlock.groups.isEmpty && dropBlock.normalizer == .local { keys.append("dropblock.normalizer: local") }
    if regularizerSettings != nil && random.stream == .rank { keys.append("random.stream: rank") }
    if batch.accumulate > 1 { keys.append("batch.accumulate: \(batch.accumulate)") }
    return keys
  }
}

extension Configuration.Batch {
  fileprivate func plan(ranks: Int) throws -> BatchPlan {
    switch size {
    case .perRank(let images):
      return BatchPlan(perRank: images, accumulate: accumulate, global: images * ranks * accumulate)
    case .global(let images):
      let shares = ranks * accumulate
      guard images % shares == 0 else {
        let below = images / shares * shares
        let near = below == 0 ? "\(shares)" : "\(below) or \(below + shares)"
        throw ConfigurationError.impossible(
          place: "this run", key: "batch.global",
          reason: "expected a multiple of \(ranks) ranks x \(accumulate) passes, such as \(near); got \(images)")
      }
      return BatchPlan(perRank: images / shares, accumulate: accumulate, global: images)
    }
  }

  /// Shards in rank order, as many for each rank.
  fileprivate func plan(shardsOver ranks: Int) throws -> BatchPlan {
    let images = global ?? 0
    let shards = images / perShard
    guard shards % ranks == 0 else {
      throw ConfigurationError.impossible(
        place: "this run", key: "reproducible",
        reason:
          "across_ranks: expected 1, 2, 4, ... up to \(shards) ranks for \(shards) shards of \(perShard) images; got "
          + "\(ranks)")
    }
    return BatchPlan(perRank: perShard, accumulate: shards / ranks, global: images, order: .byRank)
  }
}
