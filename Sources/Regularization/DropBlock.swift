import Tensors

/// DropBlock, the regulariser that zeroes square regions of feature maps (Ghiasi, Lin and Le, NeurIPS 2018).
///
/// The form is that of the official ResNet code, carried over to rectangular maps: every sample and channel has a mask
/// of its own; blocks start only where they fit as a whole, so a block never leaves the map; the block size is clamped
/// to the map and the clamped value is used in every place.
///
/// The official code speaks of the block's centre: a seed s zeroes [s - b/2, s + (b-1)/2] and is valid where
/// b/2 <= s < size - (b-1)/2, integer divisions, so even blocks lean to the low side. This package speaks of the
/// block's first row and column, s - b/2, which run over 0...size-b for either parity.
public struct DropBlock: Hashable, Sendable {
  /// Rows and columns of a block before clamping, at least 1.
  public let blockSize: Int
  /// The wanted share of kept elements at the end of the schedule, in 0...1.
  public let keepProbability: Double

  /// DropBlock of a block size and a final keep probability.
  public init(blockSize: Int, keepProbability: Double) {
    require(blockSize >= 1, "a block has at least 1 row, not \(blockSize)")
    require(keepProbability >= 0 && keepProbability <= 1, "keep probability \(keepProbability) outside 0...1")
    (self.blockSize, self.keepProbability) = (blockSize, keepProbability)
  }

  /// Rows and columns of a block on a map of this size: min(blockSize, height, width).
  public func blockSize(height: Int, width: Int) -> Int {
    require(height >= 1 && width >= 1, "a map of \(height)x\(width) has no place for a block")
    return min(blockSize, height, width)
  }

  /// Places where a block may start on a map of this size, (H - b + 1) x (W - b + 1).
  public func startArea(height: Int, width: Int) -> Int {
    let block = blockSize(height: height, width: width)
    return (height - block + 1) * (width - block + 1)
  }

  /// The probability that a block starts at a place where it fits.
  ///
  /// (1 - keepProbability) / b^2 * H W / ((H - b + 1)(W - b + 1)) with the clamped b, which is never more than
  /// 1 - keepProbability. A block as large as a square map gives just that: the channel goes as a whole.
  public func gamma(keepProbability: Double, height: Int, width: Int) -> Double {
    let block = blockSize(height: height, width: width)
    let blocksInMap = Double(height * width) / Double(block * block)
    return min(1, (1 - keepProbability) * blocksInMap / Double(startArea(height: height, width: width)))
  }
}
