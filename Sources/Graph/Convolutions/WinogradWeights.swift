import Tensors

/// A 3x3 weight in blocks of channels as values at the 36 points of Winograd's tiles.
///
/// Point p lies at p * pointStride, and there the blocks in the weight's own order; turned, inputs and outputs are exchanged
/// and kernels run backwards, as the gradient of an input wants them.
struct WinogradWeights: WeightTransform {
  private let outputBlocks: Int
  private let inputBlocks: Int
  private let channelBlock: Int
  private let isTurned: Bool

  /// The transform of a weight (O, I, 3, 3).
  init(_ weight: Shape, isTurned: Bool, channelBlock: Int) {
    func count(_ channels: Int) -> Int { (channels + channelBlock - 1) / channelBlock }
    (outputBlocks, inputBlocks) = (count(weight.n), count(weight.c))
    (self.channelBlock, self.isTurned) = (channelBlock, isTurned)
  }

  /// Floats from one point to the next; not a power of two.
  static func pointStride(blocks: Int, channelBlock: Int) -> Int { blocks * channelBlock * channelBlock + 80 }

  private var pointStride: Int { Self.pointStride(blocks: outputBlocks * inputBlocks, channelBlock: channelBlock) }

  var key: String { isTurned ? "points, turned" : "points" }
  var byteCount: Int { 4 * 36 * pointStride }

  func run(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    let (elements, pointStride) = (channelBlock * channelBlock, pointStride)
    forEachBlock { block, buffer in
      var taps = source + 9 &* block &* elements
      var place = block
      if isTurned {
        let (output, input) = block.quotientAndRemainder(dividingBy: inputBlocks)
        place = input &* outputBlocks &+ output
        let turned = UnsafeMutableRawPointer(buffer + 18).assumingMemoryBound(to: Float.self)
        for tap in 0..<9 {
          WeightTransposition.transpose(taps + tap &* elements, to: turned + (8 &- tap) &* elements, channelBlock)
        }
        taps = UnsafePointer(turned)
      }
      for element in stride(from: 0, to: elements, by: 16) {
        for column in 0..<3 {
          WinogradPoints.weight({ taps.lanes((3 &* $0 &+ column) &* elements &+ element) }) { point, lanes in
            buffer[point &* 3 &+ column] = lanes
          }
        }
        let points = target + (place &* elements &+ element)
        for row in 0..<6 {
          WinogradPoints.weight({ buffer[row &* 3 &+ $0] }) { point, lanes in
            points.store(lanes, (row &* 6 &+ point) &* pointStride)
          }
        }
      }
    }
  }

  /// Writes the gradient of the weight from those of its values at the points.
  func gradient(_ points: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    let (elements, pointStride) = (channelBlock * channelBlock, pointStride)
    forEachBlock { block, buffer in
      for element in stride(from: 0, to: elements, by: 16) {
        let points = points + (block &* elements &+ element)
        for column in 0..<6 {
          WinogradPoints.weightGradient({ points.lanes(($0 &* 6 &+ column) &* pointStride) }) { row, lanes in
            buffer[row &* 6 &+ column] = lanes
          }
        }
        let taps = target + (9 &* block &* elements &+ element)
        for row in 0..<3 {
          WinogradPoints.weightGradient({ buffer[row &* 6 &+ $0] }) { column, lanes in
            taps.store(lanes, (3 &* row &+ column) &* elements)
          }
        }
      }
    }
  }

  /// Runs `body` on each block, shared among the threads, with room for 18 groups and the nine taps of a block behind them.
  private func forEachBlock(_ body: (_ block: Int, _ buffer: UnsafeMutablePointer<Lanes>) -> Void) {
    parallelRanges(outputBlocks * inputBlocks) { range, _ in
      withUnsafeTemporaryAllocation(of: Lanes.self, capacity: 18 + 9 * 16) { buffer in
        guard let buffer = buffer.baseAddress else { return }
        for block in range { body(block, buffer) }
      }
    }
  }
}
