import Graph

extension Replica {
  /// Computes a micro-batch of a step once more, forward only, to see where the first number comes up that is not finite.
  ///
  /// All ranks call it. It spoils what the next step would go on from: the running statistics.
  func nonFiniteOrigin(_ step: Int, pass: Int, _ microBatch: MicroBatch) throws -> NonFiniteOrigin? {
    _ = plan.inputImages.update(fromContentsOf: microBatch.images)
    let targets = try task.batchTargets(microBatch.targets, communicator: communicator)
    return plan.nonFiniteOrigin(context(step, pass: pass, targets), imageCount: microBatch.targets.count) {
      targets.results.allSatisfy(\.isFinite)
    }
  }
}
