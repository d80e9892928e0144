import Regularization
import Tensors
import Testing

/// Every regulariser against its closed forms: how much it drops, how much that scatters, and what comes out.
@Suite struct RegularizerTests {
  /// A regulariser with what it drops as a whole.
  struct Kind: CustomTestStringConvertible, Sendable {
    let name: String
    let regularizer: Regularizer
    /// The unit that an element (n, c, y, x) belongs to, which is dropped as a whole; nil where there is none.
    var unit: (@Sendable (Shape, _ n: Int, _ c: Int) -> Int)?

    var testDescription: String { name }
  }

  static let kinds = [
    Kind(name: "DropBlock", regularizer: .dropBlock(DropBlock(blockSize: 3))),
    Kind(name: "DropBlock, calibrated", regularizer: .dropBlock(DropBlock(blockSize: 3, isCalibrated: true))),
    Kind(name: "DropBlock, shared mask", regularizer: .dropBlock(DropBlock(blockSize: 3, isShared: true))),
    Kind(name: "Dropout", regularizer: .dropout),
    Kind(name: "SpatialDropout", regularizer: .spatialDropout, unit: { $1 * $0.c + $2 }),
    Kind(name: "DropPath", regularizer: .dropPath, unit: { shape, n, _ in n }),
  ]
  static let kindsWithUnits = kinds.filter { $0.unit != nil }
  static let shape = Shape(3, 20, 7, 9)

  private func draw(_ kind: Kind, _ keepProbability: Double, step: Int, channelBlock: Int = 16) -> DrawnMask {
    DrawnMask(kind.regularizer, Self.shape, keepProbability: keepProbability, channelBlock: channelBlock, step: step)
  }

  /// 1500 masks: a mean beyond 4.5 standard errors has probability 7e-6, and their variance is known to 3.7 %, a little
  /// more where few units make the shares far from normal.
  @Test("the dropped share has the mean and the variance of its closed form", arguments: kinds, [0.9, 0.7, 0.25])
  func share(kind: Kind, keepProbability: Double) {
    let draws = 1500
    let (rate, variance) = kind.regularizer.expectation(shape: Self.shape, keepProbability: keepProbability)
    let shares = (0..<draws).map {
      1 - Double(draw(kind, keepProbability, step: $0).kept) / Double(Self.shape.count)
    }
    let mean = shares.reduce(0, +) / Double(draws)
    let spread = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws - 1)
    #expect(abs(mean - rate) < 4.5 * (variance / Double(draws)).squareRoot(), "dropped \(mean), expected \(rate)")
    #expect(abs(spread / variance - 1) < 0.2, "variance \(spread), expected \(variance)")
  }

  /// The output of an input of ones: kept elements are the factor, the others 0.
  ///
  /// By a probability kp the mean is 1 and the variance (1 - kp) / kp; by counts the mean of every tensor is exactly 1.
  @Test("the output has mean 1 and its closed form's variance", arguments: kinds)
  func output(kind: Kind) {
    let (keepProbability, draws) = (0.7, 1500)
    var (sum, squares, worst) = (0.0, 0.0, 0.0)
    for step in 0..<draws {
      let kept = draw(kind, keepProbability, step: step).kept
      let factor = Double(
        kind.regularizer.factor(elements: Self.shape.count, kept: kept, keepProbability: keepProbability))
      let mean = Double(kept) * factor / Double(Self.shape.count)
      sum += mean / Double(draws)
      squares += mean * factor / Double(draws)
      worst = max(worst, abs(mean - 1))
    }
    let (rate, variance) = kind.regularizer.expectation(shape: Self.shape, keepProbability: keepProbability)
    if kind.regularizer.isNormalizedByCounts {
      // One rounding to Float.
      #expect(worst < 1e-7)
      // E[y^2] is the mean factor: 1 / (1 - share), to second order in the share's scatter.
      let expected = (1 + variance / ((1 - rate) * (1 - rate))) / (1 - rate)
      #expect(abs(squares / expected - 1) < 0.01, "mean square \(squares), expected \(expected)")
    } else {
      let error = (variance / Double(draws)).squareRoot() / keepProbability
      #expect(abs(sum - 1) < 4.5 * error + 3e-5, "mean \(sum) with standard error \(error)")
      #expect(abs(squares - sum * sum - (1 - keepProbability) / keepProbability) < 0.1)
    }
  }

  /// About 40 lines a kind, of which each is beyond 5 standard errors with probability 6e-7.
  @Test("each row, column and channel drops at its own expected rate", arguments: kinds)
  func lines(kind: Kind) {
    let (shape, draws, keepProbability) = (Self.shape, 400, 0.8)
    var rows = [[Double]](repeating: [], count: shape.h)
    var columns = [[Double]](repeating: [], count: shape.w)
    var channels = [[Double]](repeating: [], count: shape.c)
    for step in 0..<draws {
      let elements = draw(kind, keepProbability, step: step).elements
      for (line, range) in [(0, shape.h), (1, shape.w), (2, shape.c)] {
        var dropped = [Double](repeating: 0, count: range)
        for (index, element) in elements.enumerated() where element == 0 {
          let place = [index / shape.w % shape.h, index % shape.w, index / shape.area % shape.c][line]
          dropped[place] += Double(range) / Double(shape.count)
        }
        for (place, share) in dropped.enumerated() {
          switch line {
          case 0: rows[place].append(share)
          case 1: columns[place].append(share)
          default: channels[place].append(share)
          }
        }
      }
    }
    let (rate, _) = kind.regularizer.expectation(shape: shape, keepProbability: keepProbability)
    var expected = [Double](repeating: rate, count: shape.h + shape.w + shape.c)
    if case .dropBlock(let dropBlock) = kind.regularizer {
      let map = DropExpectation(
        dropBlock, keepProbability: keepProbability, height: shape.h, width: shape.w)
      expected = map.rowRates + map.columnRates + [Double](repeating: rate, count: shape.c)
    }
    for (shares, expected) in zip(rows + columns + channels, expected) {
      let mean = shares.reduce(0, +) / Double(draws)
      let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(draws - 1)
      #expect(abs(mean - expected) < 5 * (variance / Double(draws)).squareRoot())
    }
  }

  @Test("what is dropped as a whole is dropped or kept as a whole", arguments: kindsWithUnits)
  func units(kind: Kind) {
    let elements = draw(kind, 0.5, step: 3).elements
    var units: [Int: Set<UInt8>] = [:]
    for (index, element) in elements.enumerated() {
      let plane = index / Self.shape.area
      guard let unit = kind.unit?(Self.shape, plane / Self.shape.c, plane % Self.shape.c) else { continue }
      units[unit, default: []].insert(element)
    }
    #expect(units.values.allSatisfy { $0.count == 1 })
    #expect(Set(units.values) == [[0], [1]])
  }

  @Test("a shared mask is that of the first channel in every channel")
  func sharedMask() {
    let own = DrawnMask(DropBlock(blockSize: 3), Self.shape, keepProbability: 0.7).elements
    let shared = DrawnMask(DropBlock(blockSize: 3, isShared: true), Self.shape, keepProbability: 0.7).elements
    let (area, sample) = (Self.shape.area, Self.shape.c * Self.shape.area)
    let expected = (0..<Self.shape.n).flatMap { n in
      (0..<Self.shape.c).flatMap { _ in own[n * sample..<n * sample + area] }
    }
    #expect(shared == expected)
    #expect(shared.contains(0))
  }

  @Test("1 to 3 threads, and 8 or 16 channels a block, give the same mask", arguments: kinds)
  func invariance(kind: Kind) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    var masks: [DrawnMask] = []
    for threads in 1...3 {
      ThreadPool.setThreadCount(threads)
      masks += [8, 16].map { draw(kind, 0.7, step: 2, channelBlock: $0) }
    }
    let first = masks[0]
    #expect(first.kept < Self.shape.count)
    #expect(masks.allSatisfy { $0.elements == first.elements && $0.kept == first.kept && $0.ones == $0.kept })
    let isSame = masks.allSatisfy { $0.words == masks[$0.layout.channelBlock == 8 ? 0 : 1].words }
    #expect(isSame)
  }

  /// Each sample's mask at 0.5 has at least one unit; equal masks of 24 samples by chance: 6e-8 for DropPath.
  @Test("ranks, steps and layers have masks of their own", arguments: kinds)
  func independence(kind: Kind) {
    let shape = Shape(24, 20, 7, 9)
    func draw(rank: Int = 0, step: Int = 0, layer: Int = 0, seed: UInt64 = 7) -> [UInt8] {
      DrawnMask(
        kind.regularizer, shape, keepProbability: 0.5, stream: .perRank(seed: seed, rank: rank), step: step,
        layer: layer
      ).elements
    }
    let masks = [draw(), draw(rank: 1), draw(step: 1), draw(layer: 1), draw(seed: 8)]
    #expect(Set(masks).count == masks.count)
    #expect(draw() == masks[0])
    // Shares dropped in both, against the product of those in each, pixel by pixel: inner pixels drop more often. The
    // largest unit is a sample, of which there are 24.
    let planes = Double(shape.n * shape.c)
    func shares(_ isDropped: (Int) -> Bool) -> [Double] {
      var shares = [Double](repeating: 0, count: shape.area)
      for index in 0..<shape.count where isDropped(index) { shares[index % shape.area] += 1 / planes }
      return shares
    }
    let first = shares { masks[0][$0] == 0 }
    let scatter = kind.regularizer.expectation(shape: shape, keepProbability: 0.5).variance.squareRoot()
    for other in masks.dropFirst() {
      let (second, both) = (shares { other[$0] == 0 }, shares { masks[0][$0] == 0 && other[$0] == 0 })
      let excess = both.indices.reduce(0) { $0 + both[$1] - first[$1] * second[$1] } / Double(shape.area)
      #expect(abs(excess) < 4.5 * scatter)
    }
  }

  @Test("with masks by sample, a batch split over ranks has the masks of the whole", arguments: kinds)
  func perSample(kind: Kind) {
    func draw(_ samples: Int, first: Int, stride: Int = 1) -> [UInt8] {
      DrawnMask(
        kind.regularizer, Shape(samples, 20, 9, 7), keepProbability: 0.6,
        stream: .perSample(seed: 4, firstPosition: first, stride: stride), step: 3, layer: 9
      ).elements
    }
    let whole = draw(6, first: 0)
    #expect(draw(2, first: 0) + draw(1, first: 2) + draw(3, first: 3) == whole)
    let size = 20 * 9 * 7
    let odd = [1, 3, 5].flatMap { Array(whole[$0 * size..<($0 + 1) * size]) }
    #expect(draw(3, first: 1, stride: 2) == odd)
  }

  @Test("a channel's mask does not depend on how many channels there are", arguments: kinds)
  func moreChannels(kind: Kind) {
    let few = DrawnMask(kind.regularizer, Shape(1, 20, 9, 7), keepProbability: 0.6).elements
    let many = DrawnMask(kind.regularizer, Shape(1, 50, 9, 7), keepProbability: 0.6).elements
    #expect(Array(many[..<few.count]) == few)
  }

  @Test(
    "keep probability 1 keeps everything with factor 1, 0 what is expected, and nothing kept has factor 0",
    arguments: kinds)
  func ends(kind: Kind) {
    func factor(_ kept: Int, _ keepProbability: Double) -> Float {
      kind.regularizer.factor(elements: Self.shape.count, kept: kept, keepProbability: keepProbability)
    }
    let all = draw(kind, 1, step: 0)
    #expect(all.kept == Self.shape.count && all.ones == all.kept && factor(all.kept, 1) == 1)
    let none = draw(kind, 0, step: 0)
    #expect(factor(0, 0) == 0)
    if case .dropBlock(let dropBlock) = kind.regularizer, !dropBlock.isCalibrated {
      // Blocks of 3 at the published gamma of a keep probability of 0 leave a few elements; a calibrated gamma is 1.
      let rate = kind.regularizer.expectation(shape: Self.shape, keepProbability: 0).rate
      #expect(rate < 1 && abs(1 - Double(none.kept) / Double(Self.shape.count) - rate) < 0.05)
    } else {
      #expect(none.kept == 0 && none.ones == 0)
    }
  }

  @Test("the probability of Dropout is the nearest multiple of 2^-16, and its factor that probability's")
  func resolution() {
    for keepProbability in [0.7, 0.9, 0.999_99, 0.3] {
      let steps = ((1 - keepProbability) * 65536).rounded()
      let factor = Regularizer.dropout.factor(elements: 100, kept: 70, keepProbability: keepProbability)
      #expect(factor == Float(1 / (1 - steps / 65536)))
      let (rate, _) = Regularizer.dropout.expectation(shape: Self.shape, keepProbability: keepProbability)
      #expect(rate == 1 - (1 - steps / 65536))
      #expect(abs(rate - (1 - keepProbability)) <= 0x1p-17 + 1e-15)
    }
  }

  @Test("eight counters side by side give the words of each alone")
  func sideBySide() {
    let philox = Philox(seed: 0x1234_5678_9abc, stream: 9)
    let first = SIMD8<UInt64>(5, 0, 0xffff_ffff, 7, 1 << 31, 12, 99, 3)
    let fourth = SIMD8<UInt64>(0, 1, 2, 3, 4, 5, 6, 0xffff_ffff)
    let words = philox.blocks((first, SIMD8(repeating: 8), SIMD8(repeating: 0xdead_beef), fourth))
    for lane in 0..<8 {
      let counter = SIMD4<UInt32>(UInt32(first[lane]), 8, 0xdead_beef, UInt32(fourth[lane]))
      let alone = philox.block(counter)
      let beside: [UInt64] = [words.0[lane], words.1[lane], words.2[lane], words.3[lane]]
      #expect(beside == (0..<4).map { UInt64(alone[$0]) })
    }
  }
}
