import Glibc
import Tensors

/// What DropBlock drops on the average, exactly: the share of dropped elements of a map and how much it scatters.
///
/// An element is dropped when at least one of the blocks that cover it starts, so with k places whose block covers the
/// element its probability is 1 - (1 - gamma)^k. The published gamma is chosen as if blocks never overlapped and all
/// elements had the same k; the true rate of the paper's mode is therefore a little under 1 - keepProbability, and
/// smaller towards the map's edges.
public struct DropExpectation: Sendable {
  /// The expected dropped share of the map, in 0...1.
  public let rate: Double
  /// The expected dropped share of each row, H numbers.
  public let rowRates: [Double]
  /// The expected dropped share of each column, W numbers.
  public let columnRates: [Double]
  /// The variance of one channel's dropped share; channels are independent unless they share a mask.
  public let channelVariance: Double

  /// The expectation for a map of `height` x `width` at a keep probability in 0...1.
  ///
  /// Takes time in proportion to H W b^2, for the variance. Traps on maps that the mode has no mask for.
  public init(_ dropBlock: DropBlock, keepProbability: Double, height: Int, width: Int) {
    let rule = dropBlock.fittingRule(keepProbability: keepProbability, height: height, width: width)
    let cover = BlockCover(rule, height: height, width: width)
    let (rows, columns) = (cover.rows, cover.columns)
    let logarithm = log1p(-rule.gamma)
    // The probability that none of k places starts a block; for k = 0 a gamma of 1 would give NaN.
    let mostPlaces = (rows.count.max() ?? 0) * (columns.count.max() ?? 0)
    let keeps = (0...(2 * mostPlaces)).map { $0 == 0 ? 1 : exp(Double($0) * logarithm) }

    var rowRates = [Double](repeating: 0, count: height)
    var columnRates = [Double](repeating: 0, count: width)
    for y in 0..<height {
      for x in 0..<width {
        let places = rows.count[y] * columns.count[x]
        let drop = places == 0 ? 0 : -expm1(Double(places) * logarithm)
        rowRates[y] += drop / Double(width)
        columnRates[x] += drop / Double(height)
      }
    }
    rate = rowRates.reduce(0, +) / Double(height)
    (self.rowRates, self.columnRates) = (rowRates, columnRates)

    // Two elements are dependent through the places whose block covers both: fewer than b rows and columns apart.
    var covariance = 0.0
    for y in 0..<height {
      for otherY in max(0, y - rule.height + 1)..<min(height, y + rule.height) {
        for x in 0..<width {
          for otherX in max(0, x - rule.width + 1)..<min(width, x + rule.width) {
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
