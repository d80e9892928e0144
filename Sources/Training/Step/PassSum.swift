import Graph
import Tensors

/// Adds up what the passes of a step leave in the gradient arena: gradients, and the losses in its head.
///
/// The passes before the last are kept; in the last one each bucket gets their sum before it leaves.
final class PassSum {
  /// In which order passes are added.
  enum Order {
    /// One after the other.
    case chain
    /// Pairs, then pairs of pairs, and the running statistics with them: with a `GradientSummation.fixedTree` over ranks
    /// behind it, one tree over the passes of all ranks.
    case tree
  }

  private let store: ParameterStore
  private let order: Order
  /// In a chain the sum of all passes; in a tree buffer k holds a sum of 2^k passes, or nothing.
  private let sums: [AlignedMemory]
  /// Passes kept.
  private var kept = 0

  /// For steps of so many passes; in a tree a power of two.
  init(_ store: ParameterStore, passes: Int, order: Order) {
    (self.store, self.order) = (store, order)
    let buffers: Int
    switch order {
    case .chain: buffers = min(1, passes - 1)
    case .tree:
      require(passes.nonzeroBitCount == 1, "a tree over \(passes) passes, not a power of two")
      buffers = passes.trailingZeroBitCount
    }
    let range = Self.range(store, order)
    sums = (0..<buffers).map { _ in AlignedMemory(byteCount: range.upperBound * 4) }
  }

  private static func range(_ store: ParameterStore, _ order: Order) -> Range<Int> {
    switch order {
    case .chain: 0..<store.trainedEnd
    case .tree: 0..<store.gradientCount
    }
  }

  /// Keeps what a pass that is not the last has left.
  func keep() {
    let range = Self.range(store, order)
    switch order {
    case .chain:
      if kept > 0 { store.addToGradients(sums[0], range) }
      store.copyGradients(range, to: sums[0])
    case .tree:
      // As in counting: sums of equal size become one of twice the size, up to the first free buffer.
      let free = (~kept).trailingZeroBitCount
      for level in 0..<free { store.addToGradients(sums[level], range) }
      store.copyGradients(range, to: sums[free])
    }
    kept += 1
  }

  /// Adds the passes that were kept to a range of the arena, after the last pass has written it.
  func add(to range: Range<Int>) {
    let range = range.clamped(to: Self.range(store, order))
    for sum in sums { store.addToGradients(sum, range) }
  }

  /// Forgets the passes of a step.
  func finish() { kept = 0 }
}
