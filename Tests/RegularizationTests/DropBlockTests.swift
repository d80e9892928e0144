import Regularization
import Testing

@Suite struct DropBlockTests {
  /// gamma worked out by hand from (1-kp)/b^2 * f^2/(f-b+1)^2, given to six or more figures.
  @Test(
    "gamma has the values of the formula",
    arguments: [
      (7, 0.9, 1, 0.1), (7, 0.9, 3, 0.0217778), (7, 0.9, 5, 0.0217778), (7, 0.9, 7, 0.1),
      (14, 0.975, 1, 0.025), (14, 0.975, 3, 0.00378086), (14, 0.975, 5, 0.00196), (14, 0.975, 7, 0.0015625),
      (14, 0.9, 7, 0.00625), (21, 0.9, 11, 0.00301209), (11, 0.9, 11, 0.1),
    ])
  func gammaValues(size: Int, keepProbability: Double, block: Int, expected: Double) {
    let dropBlock = DropBlock(blockSize: block)
    let gamma = dropBlock.gamma(keepProbability: keepProbability, height: size, width: size)
    // Half a unit of the last figure given, at most 5e-8.
    #expect(abs(gamma - expected) < 5e-8)
  }

  @Test("gamma of a rectangular map uses both sides, and height and width may change places")
  func gammaRectangular() {
    let dropBlock = DropBlock(blockSize: 7)
    let expected = 0.1 / 49 * (25 * 42) / (19 * 36)
    #expect(abs(dropBlock.gamma(keepProbability: 0.9, height: 25, width: 42) - expected) < 1e-15)
    #expect(abs(dropBlock.gamma(keepProbability: 0.9, height: 42, width: 25) - expected) < 1e-15)
  }

  @Test("the block is clamped to the smaller side, and then gamma is that of the clamped block")
  func clamping() {
    let large = DropBlock(blockSize: 7)
    let fitting = DropBlock(blockSize: 4)
    for (height, width) in [(4, 4), (4, 9), (9, 4)] {
      #expect(large.blockSize(height: height, width: width) == 4)
      #expect(
        large.gamma(keepProbability: 0.9, height: height, width: width)
          == fitting.gamma(keepProbability: 0.9, height: height, width: width))
    }
    #expect(abs(large.gamma(keepProbability: 0.9, height: 4, width: 4) - 0.1) < 1e-15)
  }

  /// b (f - b + 1) >= f for 1 <= b <= f, so each axis contributes a factor of at most 1.
  @Test("gamma is at most 1 - keepProbability, and equal to it for blocks of 1 and of the whole map")
  func gammaLimit() {
    for (height, width) in [(1, 1), (7, 7), (5, 12), (12, 5)] {
      for block in 1...13 {
        let dropBlock = DropBlock(blockSize: block)
        let gamma = dropBlock.gamma(keepProbability: 0.25, height: height, width: width)
        // A few roundings of numbers up to 1.
        #expect(gamma <= 0.75 + 1e-15)
        if block == 1 || (height == width && block >= height) { #expect(abs(gamma - 0.75) < 1e-15) }
      }
    }
    #expect(DropBlock(blockSize: 1).gamma(keepProbability: 0, height: 5, width: 5) == 1)
  }
}
