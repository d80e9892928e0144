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

  /// Transposes a block: 16 rows in four rounds, or 8 rows, two to a group of lanes, in three.
  @inline(__always)
  static func transpose(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, _ channelBlock: Int) {
    if channelBlock == 16 {
      transpose(source, to: target, groups: 16, rounds: 4)
    } else {
      transpose(source, to: target, groups: 4, rounds: 3)
    }
  }

  /// In each round, groups that are half of all apart interleave their lanes.
  @inline(__always)
  private static func transpose(
    _ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, groups: Int, rounds: Int
  ) {
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 2 &* groups) { memory in
      var (from, to) = (memory.baseAddress!, memory.baseAddress! + groups)
      for group in 0..<groups { from[group] = source.lanes(16 &* group) }
      for _ in 0..<rounds {
        interleave(from, to: to, half: groups / 2)
        swap(&from, &to)
      }
      for group in 0..<groups { target.store(from[group], 16 &* group) }
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
