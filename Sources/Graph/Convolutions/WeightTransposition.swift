import CLanes
import Tensors

/// A weight in blocks of 8 x 8 or 16 x 16 channels with inputs and outputs exchanged, as the gradient of an input wants it.
///
/// OIhw16i16o becomes IOhw16o16i. oneDNN's own reorder takes three times as long.
struct WeightTransposition: WeightTransform {
  private let outputBlocks: Int
  private let inputBlocks: Int
  private let taps: Int
  private let channelBlock: Int

  /// For a weight (O, I, H, W); blocks that channels do not fill are padded with zeros.
  init(_ weight: Shape, channelBlock: Int) {
    func count(_ channels: Int) -> Int { (channels + channelBlock - 1) / channelBlock }
    (outputBlocks, inputBlocks, taps, self.channelBlock) = (count(weight.n), count(weight.c), weight.area, channelBlock)
  }

  var key: String { "exchanged" }
  var byteCount: Int { 4 * outputBlocks * inputBlocks * taps * channelBlock * channelBlock }

  func run(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    let elements = channelBlock * channelBlock
    parallel(inputBlocks * outputBlocks) { unit in
      let (inputBlock, outputBlock) = unit.quotientAndRemainder(dividingBy: outputBlocks)
      let from = source + (outputBlock &* inputBlocks &+ inputBlock) &* taps &* elements
      let to = target + unit &* taps &* elements
      for tap in 0..<taps {
        Self.transpose(from + elements &* tap, to: to + elements &* tap, channelBlock)
      }
    }
  }

  /// Transposes a block.
  @inline(__always)
  static func transpose(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, _ channelBlock: Int) {
    if channelBlock == 16 { transpose16(source, to: target) } else { transpose8(source, to: target) }
  }

  /// Transposes 16 rows of 16: four rounds, in each of which rows that are eight apart interleave their lanes.
  @inline(__always)
  private static func transpose16(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 32) { rows in
      let rows = rows.baseAddress!
      for row in 0..<16 { rows[row] = source.lanes(16 &* row) }
      interleave(rows, to: rows + 16, half: 8)
      interleave(rows + 16, to: rows, half: 8)
      interleave(rows, to: rows + 16, half: 8)
      interleave(rows + 16, to: rows, half: 8)
      for row in 0..<16 { target.store(rows[row], 16 &* row) }
    }
  }

  /// Transposes 8 rows of 8, two to a group of lanes: three rounds.
  @inline(__always)
  private static func transpose8(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 8) { groups in
      let groups = groups.baseAddress!
      for group in 0..<4 { groups[group] = source.lanes(16 &* group) }
      interleave(groups, to: groups + 4, half: 2)
      interleave(groups + 4, to: groups, half: 2)
      interleave(groups, to: groups + 4, half: 2)
      for group in 0..<4 { target.store(groups[4 &+ group], 16 &* group) }
    }
  }

  @inline(__always)
  private static func interleave(_ rows: UnsafePointer<Lanes>, to result: UnsafeMutablePointer<Lanes>, half: Int) {
    for row in 0..<half {
      result[2 &* row] = shim_interleave_first(rows[row], rows[row &+ half])
      result[2 &* row &+ 1] = shim_interleave_second(rows[row], rows[row &+ half])
    }
  }
}
