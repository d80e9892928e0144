import Regularization
import Tensors
import Testing

@Suite struct DropRateTests {
  static let maps = [(7, 7), (14, 14), (25, 42), (42, 25), (3, 3), (5, 2), (2, 6)]
  static let blocks = [1, 2, 3, 5, 7]

  /// 16 draws of 2 x 256 channels: a deviation of the mean of more than 4 standard errors has probability 6e-5.
  @Test("the measured drop rate is the exact expectation", arguments: maps, blocks)
  func rate(map: (Int, Int), size: Int) {
    for keepProbability in [0.9, 0.975, 0.6] {
      let audit = MaskAudit(
        .dropBlock(DropBlock(blockSize: size)), shape: Shape(2, 256, map.0, map.1),
        keepProbability: keepProbability, stream: .perRank(seed: 3, rank: 1), layer: size, draws: 16)
      #expect(
        abs(audit.deviation) < 4,
        "dropped \(audit.measured), expected \(audit.expected) with standard error \(audit.standardError)")
    }
  }

  /// The standard error of a row comes from the scatter of its channels.
  ///
  /// About 900 rows and columns are looked at:
  /// one beyond 5 standard errors has probability 5e-4.
  @Test("each row and each column drops at its own expected rate", arguments: maps, blocks)
  func rowsAndColumns(map: (Int, Int), size: Int) {
    let shape = Shape(4, 1024, map.0, map.1)
    let dropBlock = DropBlock(blockSize: size)
    let expectation = DropExpectation(dropBlock, keepProbability: 0.8, height: shape.h, width: shape.w)
    let elements = DrawnMask(dropBlock, shape, keepProbability: 0.8, step: size).elements
    var rows = [Scatter](repeating: Scatter(), count: shape.h)
    var columns = [Scatter](repeating: Scatter(), count: shape.w)
    for channel in 0..<(shape.n * shape.c) {
      let map = elements[channel * shape.area..<(channel + 1) * shape.area]
      let first = map.startIndex
      for y in 0..<shape.h {
        let dropped = (0..<shape.w).reduce(0) { $0 + 1 - Int(map[first + y * shape.w + $1]) }
        rows[y].add(Double(dropped) / Double(shape.w))
      }
      for x in 0..<shape.w {
        let dropped = (0..<shape.h).reduce(0) { $0 + 1 - Int(map[first + $1 * shape.w + x]) }
        columns[x].add(Double(dropped) / Double(shape.h))
      }
    }
    for (line, expected) in zip(rows + columns, expectation.rowRates + expectation.columnRates) {
      #expect(
        abs(line.mean - expected) < 5 * line.standardError,
        "dropped \(line.mean), expected \(expected) with standard error \(line.standardError)")
    }
  }

  /// Squares of standard normal numbers: their mean over 300 audits is 1 with standard deviation 0.082.
  @Test("the audit's standard error is the scatter that audits really have")
  func standardError() {
    let squares = (0..<300).map { layer in
      let audit = MaskAudit(
        .dropBlock(DropBlock(blockSize: 5)), shape: Shape(1, 64, 12, 9), keepProbability: 0.8,
        stream: .perRank(seed: 5, rank: 0), layer: layer, draws: 2)
      return audit.deviation * audit.deviation
    }
    let mean = squares.reduce(0, +) / 300
    #expect(abs(mean - 1) < 0.33, "mean square deviation \(mean)")
  }

  @Test("audits of keep probability 1 and 0 find nothing and everything dropped, and no deviation")
  func auditOfEnds() {
    for (keepProbability, size) in [(1.0, 7), (0.0, 1)] {
      let audit = MaskAudit(
        .dropBlock(DropBlock(blockSize: size)), shape: Shape(1, 20, 5, 9), keepProbability: keepProbability,
        stream: .perRank(seed: 5, rank: 0), layer: 0, draws: 3)
      #expect(audit.measured == audit.wanted && audit.deviation == 0 && audit.blockSize == min(size, 5))
    }
  }
}

/// The mean of independent numbers and its standard error.
private struct Scatter {
  private var (count, sum, squares) = (0.0, 0.0, 0.0)

  mutating func add(_ value: Double) {
    count += 1
    sum += value
    squares += value * value
  }

  var mean: Double { sum / count }
  var standardError: Double { ((squares / count - mean * mean) / count).squareRoot() }
}
