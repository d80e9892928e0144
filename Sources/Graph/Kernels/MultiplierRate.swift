import Tensors

/// How fast the threads of this rank multiply and add floats that are in registers: the limit of any convolution in floats.
public enum MultiplierRate {
  /// Floating-point operations a second of all threads together: the best of some tries of a few milliseconds each.
  public static func operationsPerSecond() -> Double {
    let work = RegisterProducts()
    return (0..<20).map { _ in
      let start = monotonicSeconds()
      // A block of 16 channels fills the registers of AVX2 and of AVX-512.
      withColumns(channelBlock: 16, work)
      return work.operations / (monotonicSeconds() - start)
    }.max() ?? 0
  }
}

/// Products of the same six rows and columns over and over, on every thread.
private final class RegisterProducts: ColumnWork {
  /// Multiplications and additions of the last run.
  private(set) var operations = 0.0

  func run<Columns: ProductColumns>(_: Columns.Type) {
    let steps = 1 << 20
    let threads = ThreadPool.threadCount
    parallel(threads) { _ in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { memory in
        guard let base = memory.baseAddress else { return }
        // Small enough that no sum is infinite.
        memory.initialize(repeating: 1e-3)
        let rows = TileRows(count: ProductTile<Columns>.rows) { UnsafePointer(base + $0) }
        var tile = ProductTile<Columns>()
        tile.add(rows, at: 0, step: 0, ColumnPointers(first: base, second: base), at: 0, step: 0, count: steps)
        tile.forEachRow(ProductTile<Columns>.rows) { _, sums in
          sums.store(MutableColumnPointers(first: base, second: base + 32), 0)
        }
      }
    }
    let columns = Columns.blocks * Columns.channelBlock
    operations = 2 * Double(ProductTile<Columns>.rows * columns) * Double(steps * threads)
  }
}
