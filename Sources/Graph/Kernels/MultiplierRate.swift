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
  /// Numbers that the compiler does not know; so small that no sum is infinite.
  private let numbers = AlignedMemory(byteCount: 4096)

  init() {
    for index in 0..<64 { numbers.pointer(to: Float.self)[index] = 1e-3 * Float(index + 1) }
  }

  func run<Columns: ProductColumns>(_: Columns.Type) {
    let steps = 1 << 20
    let threads = ThreadPool.threadCount
    let base = UnsafePointer(numbers.pointer(to: Float.self))
    parallel(threads) { _ in
      let rows = TileRows(count: ProductTile<Columns>.rows) { base + $0 }
      var tile = ProductTile<Columns>()
      tile.add(rows, at: 0, step: 0, ColumnPointers(first: base, second: base + 16), at: 0, step: 0, count: steps)
      // All of them are looked at: the compiler leaves out sums that nobody reads.
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 32 * ProductTile<Columns>.rows) { sums in
        guard let target = sums.baseAddress else { return }
        sums.initialize(repeating: 0)
        tile.forEachRow(ProductTile<Columns>.rows) { row, lanes in
          lanes.store(MutableColumnPointers(first: target, second: target + 16), 32 &* row)
        }
        require(sums.allSatisfy(\.isFinite), "sums of small products are infinite")
      }
    }
    let columns = Columns.blocks * Columns.channelBlock
    operations = 2 * Double(ProductTile<Columns>.rows * columns) * Double(steps * threads)
  }
}
