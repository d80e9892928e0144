import Graph
import Tensors

/// The numbers in front of the gradient arena, which are summed over passes and ranks with the first bucket.
struct StepHead {
  /// Results of the losses: of a pass, or the sums over passes and ranks.
  private(set) var results: [Double] = []
  private(set) var isFinite = true
  private(set) var stopIsRequested: Bool
  /// Whether a rank has something to tell the others once the step is done.
  private(set) var hasNews: Bool

  /// Floats in front of the results.
  private static let flagCount = 3

  /// The head of a step before its first micro-batch.
  init(stopIsRequested: Bool, hasNews: Bool) {
    (self.stopIsRequested, self.hasNews) = (stopIsRequested, hasNews)
  }

  /// Takes what the losses of a pass found in place of what it held.
  mutating func take(_ targets: any BatchTargets) {
    results = targets.results
    require(
      Self.flagCount + results.count <= ParameterStore.headCount,
      "\(results.count) results do not fit the head of the arena")
    isFinite = results.allSatisfy(\.isFinite)
  }

  /// Writes the results of a pass, and 1 where one is not finite.
  func write(to arena: UnsafeMutableBufferPointer<Float>) {
    arena[0] = isFinite ? 0 : 1
    arena[1] = stopIsRequested ? 1 : 0
    arena[2] = hasNews ? 1 : 0
    for (index, result) in results.enumerated() { arena[Self.flagCount + index] = isFinite ? Float(result) : 0 }
  }

  /// Reads the sums over ranks; behind the results there are zeros up to the end of the head.
  init(reading arena: UnsafeMutableBufferPointer<Float>) {
    isFinite = arena[0] == 0
    stopIsRequested = arena[1] != 0
    hasNews = arena[2] != 0
    results = arena[Self.flagCount..<ParameterStore.headCount].map(Double.init)
  }
}
