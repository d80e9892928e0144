import Glibc
import Tensors

/// What DropBlock drops on the average, exactly: the share of dropped elements of a map and how much it scatters.
///
/// An element is dropped when at least one of the blocks that cover it starts, so with k places whose block covers the
/// element its probability is 1 - (1 - gamma)^k. gamma is chosen as if blocks never overlapped and all elements had
/// the same k; the true rate is therefore a little under 1 - keepProbability, and smaller towards the map's edges.
public struct DropExpectation: Sendable {
  /// The expected dropped share of the map, in 0...1.
  public let rate: Double
  /// The expected dropped share of each row, H numbers.
  public let rowRates: [Double]
  /// The expected dropped share of each column, W numbers.
  public let columnRates: [Double]
  /// The variance of one channel's dropped share; channels are independent.
  public let channelVariance: Double

  /// The expectation for a map of `height` x `width` at a keep probability in 0...1.
  ///
  /// Takes time in proportion to H W b^2, for the variance.
  public init(_ dropBlock: DropBlock, keepProbability: Double, height: Int, width: Int) {
    let block = dropBlock.blockSize(height: height, width: width)
    let rows = AxisCover(size: height, block: block)
    let columns = AxisCover(size: width, block: block)
    let logarithm = log1p(-dropBlock.gamma(keepProbability: keepProbability, height: height, width: width))
    // The probability that none of k places starts a block; k >= 1, so a gamma of 1 gives 0 and not NaN.
    let keeps = (0...(2 * block * block)).map { $0 == 0 ? 1 : exp(Double($0) * logarithm) }

    var rowRates = [Double](repeating: 0, count: height)
    var columnRates = [Double](repeating: 0, count: width)
    for y in 0..<height {
      for x in 0..<width {
        let drop = -expm1(Double(rows.count[y] * columns.count[x]) * logarithm)
        rowRates[y] += drop / Double(width)
        columnRates[x] += drop / Double(height)
      }
    }
    rate = rowRates.reduce(0, +) / Double(height)
    (self.rowRates, self.columnRates) = (rowRates, columnRates)

    // Two elements are dependent through the places whose block covers both: fewer than b rows and columns apart.
    var covariance = 0.0
    for y in 0..<height {
      for otherY in max(0, y - block + 1)..<min(height, y + block) {
        for x in 0..<width {
          for otherX in max(0, x - block + 1)..<min(width, x + block) {
            let common = rows.common(y, otherY) * columns.common(x, otherX)
            let sum = rows.count[y] * columns.count[x] + rows.count[otherY] * columns.count[otherX]
            covariance += keeps[sum - common] - keeps[sum]
          }
        }
      }
    }
    let area = Double(height * width)
    channelVariance = covariance / (area * area)
  }
}

/// Along one axis, how many starts of a block cover a position.
private struct AxisCover {
  let size: Int
  let block: Int
  /// Starts whose block covers each position.
  let count: [Int]

  init(size: Int, block: Int) {
    (self.size, self.block) = (size, block)
    count = (0..<size).map { min($0, size - block) - max(0, $0 - block + 1) + 1 }
  }

  /// Starts whose block covers both positions.
  func common(_ a: Int, _ b: Int) -> Int {
    max(0, min(min(a, b), size - block) - max(0, max(a, b) - block + 1) + 1)
  }
}
