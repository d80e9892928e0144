/// What the losses of a batch compare with, and what they found.
public protocol BatchTargets: AnyObject {
  /// What the last forward run found; a step reports the means over ranks and micro-batches.
  ///
  /// The same number of values for every batch of a task; none is finite that came of a loss which is not.
  var results: [Double] { get }

  /// Forgets the results, for a forward run begins.
  func forgetResults()
}

extension RunContext {
  /// The targets as a loss wants them; traps where the graph's losses are of another task than the batch.
  func targets<Targets: BatchTargets>(of loss: String) -> Targets {
    guard let targets = targets as? Targets else { fatalError("\(loss) needs \(Targets.self)") }
    return targets
  }
}
