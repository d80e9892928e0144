import Graph
import Tensors

/// The numbers in front of the gradient arena, which are summed over ranks with the first bucket.
struct StepHead {
  /// Results of the losses: sums over micro-batches, then over ranks of the means over micro-batches.
  private(set) var results: [Double] = []
  private(set) var isFinite = true
  private(set) var stopIsRequested: Bool

  /// The head of a step before its first micro-batch.
  init(stopIsRequested: Bool) { self.stopIsRequested = stopIsRequested }

  /// Adds what the losses of a micro-batch found.
  mutating func add(_ targets: any BatchTargets) {
    let found = targets.results
    require(2 + found.count <= ParameterStore.headCount, "\(found.count) results do not fit the head of the arena")
    results = results.isEmpty ? found : zip(results, found).map { $0 + $1 }
    isFinite = isFinite && results.allSatisfy(\.isFinite)
  }

  /// Writes the means over micro-batches, and 1 where a result is not finite.
  func write(to arena: UnsafeMutableBufferPointer<Float>, passes: Int) {
    arena[0] = isFinite ? 0 : 1
    arena[1] = stopIsRequested ? 1 : 0
    for (index, result) in results.enumerated() { arena[2 + index] = isFinite ? Float(result / Double(passes)) : 0 }
  }

  /// Reads the sums over ranks; behind the results there are zeros up to the end of the head.
  init(reading arena: UnsafeMutableBufferPointer<Float>) {
    isFinite = arena[0] == 0
    stopIsRequested = arena[1] != 0
    results = arena[2..<ParameterStore.headCount].map(Double.init)
  }
}
