import Testing

@testable import Regularization

@Suite struct DropExpectationTests {
  /// Figures worked out beforehand, to three places: half a unit of the last.
  @Test(
    "the expected rates have their known values",
    arguments: [
      (14, 0.9, 7, 0.0929), (14, 0.9, 3, 0.0951), (14, 0.975, 7, 0.0245), (7, 0.9, 7, 0.1000), (8, 0.9, 7, 0.0961),
      (8, 0.9, 3, 0.0947), (16, 0.9, 7, 0.0931),
    ])
  func knownRates(size: Int, keepProbability: Double, block: Int, expected: Double) {
    let expectation = DropExpectation(
      DropBlock(blockSize: block), keepProbability: keepProbability, height: size,
      width: size)
    #expect(abs(expectation.rate - expected) < 5.01e-5)
  }

  /// The oracle walks through every set of starting blocks, weighs it with its probability, and counts.
  @Test(
    "rates, rows, columns and variance are those of all outcomes added up",
    arguments: [(3, 3, 2), (4, 4, 2), (3, 5, 2), (5, 3, 3), (4, 6, 3), (6, 4, 4), (3, 3, 3), (2, 4, 7), (2, 3, 1)])
  func enumeration(height: Int, width: Int, size: Int) {
    let dropBlock = DropBlock(blockSize: size)
    let block = dropBlock.blockSize(height: height, width: width)
    let gamma = dropBlock.gamma(keepProbability: 0.7, height: height, width: width)
    let places = dropBlock.startArea(height: height, width: width)
    let columns = width - block + 1
    var rows = [Double](repeating: 0, count: height)
    var columnRates = [Double](repeating: 0, count: width)
    var (mean, meanSquare) = (0.0, 0.0)
    for outcome in 0..<(1 << places) {
      var probability = 1.0
      var dropped = Set<Int>()
      for place in 0..<places {
        let starts = outcome >> place & 1 == 1
        probability *= starts ? gamma : 1 - gamma
        if !starts { continue }
        for y in place / columns..<place / columns + block {
          for x in place % columns..<place % columns + block { dropped.insert(y * width + x) }
        }
      }
      let share = Double(dropped.count) / Double(height * width)
      mean += probability * share
      meanSquare += probability * share * share
      for pixel in dropped {
        rows[pixel / width] += probability / Double(width)
        columnRates[pixel % width] += probability / Double(height)
      }
    }
    let expectation = DropExpectation(dropBlock, keepProbability: 0.7, height: height, width: width)
    // At most 2^9 outcomes of rounded numbers below 1.
    #expect(abs(expectation.rate - mean) < 1e-13)
    #expect(abs(expectation.channelVariance - (meanSquare - mean * mean)) < 1e-13)
    for (got, wanted) in zip(expectation.rowRates + expectation.columnRates, rows + columnRates) {
      #expect(abs(got - wanted) < 1e-13)
    }
  }

  @Test("nothing is expected to drop at keep probability 1, and everything at 0 with blocks of 1")
  func ends() {
    let none = DropExpectation(
      DropBlock(blockSize: 3), keepProbability: 1, height: 9, width: 7)
    #expect(none.rate == 0 && none.channelVariance == 0 && none.rowRates.allSatisfy { $0 == 0 })
    let all = DropExpectation(DropBlock(blockSize: 1), keepProbability: 0, height: 3, width: 4)
    // Four thirds and quarters added up.
    #expect(abs(all.rate - 1) < 1e-15 && all.channelVariance == 0)
  }
}
