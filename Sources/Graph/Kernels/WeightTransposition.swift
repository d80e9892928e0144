import CLanes
import Tensors

/// A weight in blocks of 16 x 16 channels, from output blocks first to input blocks first.
///
/// OIhw16i16o becomes IOhw16o16i: what forward convolutions read best becomes what backward ones do, every step. oneDNN's own
/// reorder takes three times as long.
struct WeightTransposition {
  private let outputBlocks: Int
  private let inputBlocks: Int
  private let taps: Int

  /// For a weight (O, I, H, W) with whole blocks of channels.
  init(_ weight: Shape) { (outputBlocks, inputBlocks, taps) = (weight.n / 16, weight.c / 16, weight.area) }

  func run(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    parallel(inputBlocks * outputBlocks) { unit in
      let (inputBlock, outputBlock) = unit.quotientAndRemainder(dividingBy: outputBlocks)
      let from = source + (outputBlock &* inputBlocks &+ inputBlock) &* taps &* 256
      let to = target + unit &* taps &* 256
      for tap in 0..<taps { Self.transpose(from + 256 &* tap, to: to + 256 &* tap) }
    }
  }

  /// Transposes a block of 16 rows: four rounds, in each of which rows that are eight apart interleave their lanes.
  @inline(__always)
  static func transpose(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 32) { rows in
      let rows = rows.baseAddress!
      for row in 0..<16 { rows[row] = source.lanes(16 &* row) }
      interleave(rows, to: rows + 16)
      interleave(rows + 16, to: rows)
      interleave(rows, to: rows + 16)
      interleave(rows + 16, to: rows)
      for row in 0..<16 { target.store(rows[row], 16 &* row) }
    }
  }

  @inline(__always)
  private static func interleave(_ rows: UnsafePointer<Lanes>, to result: UnsafeMutablePointer<Lanes>) {
    for row in 0..<8 {
      result[2 &* row] = shim_interleave_first(rows[row], rows[row &+ 8])
      result[2 &* row &+ 1] = shim_interleave_second(rows[row], rows[row &+ 8])
    }
  }
}
