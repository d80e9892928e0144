import Glibc
import Tensors

/// How many places of a rule cover the elements of a map, for its rate.
///
/// An element that k places cover is dropped with probability 1 - (1 - gamma)^k.
struct BlockCover {
  let rows: AxisCover
  let columns: AxisCover

  init(_ rule: BlockRule, height: Int, width: Int) {
    rows = AxisCover(size: height, starts: rule.rows, block: rule.height)
    columns = AxisCover(size: width, starts: rule.columns, block: rule.width)
  }

  /// The gamma that drops just this share of the map on the average, in 0...1.
  ///
  /// Newton's method from 0: the rate is concave in gamma, so it comes from below and never goes too far. Where even a
  /// gamma of 1 drops less, that is the result.
  func gamma(rate: Double) -> Double {
    if rate <= 0 { return 0 }
    let shares = shares
    if rate >= 1 - shares[0] { return 1 }
    var gamma = 0.0
    // It takes about five rounds, more only for rates near 1.
    for _ in 0..<200 {
      let logarithm = log1p(-gamma)
      var (value, slope) = (0.0, 0.0)
      for count in 1..<shares.count where shares[count] > 0 {
        value -= shares[count] * expm1(Double(count) * logarithm)
        slope += shares[count] * Double(count) * exp(Double(count - 1) * logarithm)
      }
      let next = min(1, gamma + (rate - value) / slope)
      if !(next > gamma) { break }
      gamma = next
    }
    return gamma
  }

  /// The share of the map's elements that each number of places covers, from 0 on.
  private var shares: [Double] {
    let (byRow, byColumn) = (rows.histogram, columns.histogram)
    let area = Double(rows.count.count * columns.count.count)
    var shares = [Double](repeating: 0, count: (byRow.count - 1) * (byColumn.count - 1) + 1)
    for (row, rowCount) in byRow.enumerated() {
      for (column, columnCount) in byColumn.enumerated() {
        shares[row * column] += Double(rowCount * columnCount) / area
      }
    }
    return shares
  }
}

/// Along one axis, how many starts of a block cover a position.
struct AxisCover {
  private let starts: Range<Int>
  private let block: Int
  /// Starts whose block covers each position.
  let count: [Int]

  /// The cover of positions 0..<size by blocks that start in a range.
  init(size: Int, starts: Range<Int>, block: Int) {
    (self.starts, self.block) = (starts, block)
    count = (0..<size).map { Self.starts(covering: $0...$0, starts, block) }
  }

  /// Starts whose block covers both positions.
  func common(_ a: Int, _ b: Int) -> Int { Self.starts(covering: min(a, b)...max(a, b), starts, block) }

  /// How many positions have each number of starts, from 0 on.
  var histogram: [Int] {
    var histogram = [Int](repeating: 0, count: (count.max() ?? 0) + 1)
    for starts in count { histogram[starts] += 1 }
    return histogram
  }

  private static func starts(covering positions: ClosedRange<Int>, _ starts: Range<Int>, _ block: Int) -> Int {
    let first = max(starts.lowerBound, positions.upperBound - block + 1)
    return max(0, min(positions.lowerBound, starts.upperBound - 1) - first + 1)
  }
}
