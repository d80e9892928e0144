/// How many images each rank works on in a pass and in an update.
public struct BatchPlan: Equatable, Sendable {
  /// Images of one rank in one forward and backward pass.
  public let perRank: Int
  /// Passes whose gradients are added up before an update.
  public let accumulate: Int
  /// Images of all ranks and passes in one update.
  public let global: Int
}

extension Configuration.Batch {
  /// The batch for so many ranks.
  ///
  /// - Throws: `ConfigurationError.impossible` when the global number cannot be divided evenly.
  public func plan(ranks: Int) throws -> BatchPlan {
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
}
