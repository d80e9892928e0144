import Regularization
import Tensors
import Testing

/// The published variants of DropBlock, against what was measured of them.
@Suite struct DropBlockModeTests {
  /// A variant on a map, at a keep probability of 0.9, with the dropped share that was measured of the original.
  struct Measured: CustomTestStringConvertible {
    let mode: DropBlockMode
    let block: Int
    let height: Int
    let width: Int
    let rate: Double
    /// Half a unit of the figure's last place and more, as the survey drew them too.
    var tolerance = 0.0
    /// Channels that were drawn, where that is known.
    var channels = Int.max

    var testDescription: String { "\(mode.rawValue) \(block) on \(height)x\(width)" }
  }

  static let measured = [
    // The survey's figures, all for 10 %; of shared masks it drew few.
    Measured(mode: .paper, block: 7, height: 14, width: 14, rate: 0.093, tolerance: 6e-4),
    Measured(mode: .paper, block: 7, height: 7, width: 7, rate: 0.101, tolerance: 1.5e-3),
    Measured(mode: .paper, block: 7, height: 25, width: 42, rate: 0.095, tolerance: 1.5e-3),
    Measured(mode: .tpuDetection, block: 7, height: 25, width: 42, rate: 0.104, tolerance: 6e-4),
    Measured(mode: .tpuDetection, block: 7, height: 42, width: 25, rate: 0.050, tolerance: 6e-4),
    Measured(mode: .timm, block: 7, height: 7, width: 7, rate: 0.93, tolerance: 6e-3),
    Measured(mode: .timm, block: 7, height: 14, width: 14, rate: 0.205, tolerance: 5e-3),
    Measured(mode: .timm, block: 3, height: 7, width: 7, rate: 0.152, tolerance: 5e-3),
    // The same programs run for these tests: timm 0.9.16, timm 1.0.24 and torchvision 0.28.
    Measured(mode: .timmOld, block: 7, height: 7, width: 7, rate: 0.9312, channels: 24_576),
    Measured(mode: .timmOld, block: 7, height: 14, width: 14, rate: 0.2091, channels: 24_576),
    Measured(mode: .timmOld, block: 3, height: 7, width: 7, rate: 0.1490, channels: 24_576),
    Measured(mode: .timmOld, block: 5, height: 14, width: 14, rate: 0.1505, channels: 24_576),
    Measured(mode: .timmOld, block: 7, height: 25, width: 42, rate: 0.1280, channels: 24_576),
    Measured(mode: .timmOld, block: 7, height: 42, width: 25, rate: 0.1283, channels: 24_576),
    Measured(mode: .timm, block: 7, height: 7, width: 7, rate: 0.9309, channels: 120_000),
    Measured(mode: .timm, block: 7, height: 14, width: 14, rate: 0.2089, channels: 120_000),
    Measured(mode: .timm, block: 3, height: 7, width: 7, rate: 0.1480, channels: 120_000),
    Measured(mode: .timm, block: 7, height: 25, width: 42, rate: 0.1283, channels: 24_000),
    Measured(mode: .timm, block: 7, height: 42, width: 25, rate: 0.1275, channels: 24_000),
    Measured(mode: .timm, block: 7, height: 5, width: 9, rate: 0.5979, channels: 60_000),
    Measured(mode: .timm, block: 6, height: 14, width: 14, rate: 0.1750, channels: 60_000),
    Measured(mode: .torchvision, block: 7, height: 14, width: 14, rate: 0.0938, channels: 24_576),
    Measured(mode: .torchvision, block: 3, height: 7, width: 7, rate: 0.0945, channels: 24_576),
    Measured(mode: .torchvision, block: 7, height: 25, width: 42, rate: 0.0940, channels: 24_576),
    Measured(mode: .torchvision, block: 7, height: 42, width: 25, rate: 0.0941, channels: 24_576),
    Measured(mode: .torchvision, block: 7, height: 5, width: 9, rate: 0.0964, channels: 24_576),
  ]

  /// Beyond 4.5 standard errors of the drawn channels: probability 7e-6.
  @Test("the exact rate is the one that was measured of the original", arguments: measured)
  func rate(measured: Measured) {
    let expectation = DropExpectation(
      DropBlock(blockSize: measured.block, mode: measured.mode), keepProbability: 0.9, height: measured.height,
      width: measured.width)
    let error = (expectation.channelVariance / Double(measured.channels)).squareRoot()
    #expect(abs(expectation.rate - measured.rate) < measured.tolerance + 4.5 * error, "\(expectation.rate)")
  }

  static let maps = [(7, 7), (14, 14), (25, 42), (42, 25), (5, 9)]

  /// Oracle: Monte Carlo over 4096 channels, for a shared mask as many samples; each audit beyond 4.5 standard errors has
  /// probability 7e-6.
  @Test("drawn masks have the exact rate", arguments: DropBlockMode.allCases, maps)
  func drawn(mode: DropBlockMode, map: (height: Int, width: Int)) {
    for size in [1, 3, 7] {
      let dropBlock = DropBlock(blockSize: size, mode: mode)
      if dropBlock.problem(height: map.height, width: map.width) != nil { continue }
      let (samples, channels) = dropBlock.isShared ? (1024, 1) : (4, 256)
      let audit = MaskAudit(
        .dropBlock(dropBlock), shape: Shape(samples, channels, map.height, map.width), keepProbability: 0.9,
        stream: .perRank(seed: 11, rank: 0), layer: size, draws: 4)
      #expect(
        abs(audit.deviation) < 4.5,
        "block \(size): dropped \(audit.measured), expected \(audit.expected) +- \(audit.standardError)")
    }
  }

  /// Oracle: the rule as the fact sheets have it, one centre after the other.
  @Test("each element drops with the probability that its covering centres give", arguments: maps)
  func coveringCentres(map: (height: Int, width: Int)) {
    let (height, width) = map
    for mode in DropBlockMode.allCases {
      for block in [1, 3, 4, 7] {
        let dropBlock = DropBlock(blockSize: block, mode: mode)
        if dropBlock.problem(height: height, width: width) != nil { continue }
        let clamped = min(block, height, width)
        // Half sizes and valid centres of both axes, and the window around a centre.
        let window: (rows: Int, columns: Int)
        let centres: (rows: Range<Int>, columns: Range<Int>)
        func valid(_ side: Int, _ block: Int) -> Range<Int> { block / 2..<max(block / 2, side - (block - 1) / 2) }
        switch mode {
        case .paper, .torchvision, .mmdetection:
          (window, centres) = ((clamped, clamped), (valid(height, clamped), valid(width, clamped)))
        case .kerasDropBlock:
          window = (block, block)
          centres = (
            block / 2..<max(block / 2, height - block / 2), block / 2..<max(block / 2, width - block / 2)
          )
        case .tpuDetection:
          window = (block, block)
          let last = min(height, width - (clamped - 1) / 2)
          centres = (clamped / 2..<max(clamped / 2, last), valid(width, clamped))
        case .timm: (window, centres) = ((min(block, height), min(block, width)), (0..<height, 0..<width))
        case .timmOld: (window, centres) = ((clamped, clamped), (0..<height, 0..<width))
        }
        let gamma = dropBlock.gamma(keepProbability: 0.9, height: height, width: width)
        let isEmpty = centres.rows.isEmpty || centres.columns.isEmpty
        var total = 0.0
        for y in 0..<height {
          for x in 0..<width where !isEmpty {
            let rows = centres.rows.filter { $0 - window.rows / 2 <= y && y <= $0 + (window.rows - 1) / 2 }
            let columns = centres.columns.filter { $0 - window.columns / 2 <= x && x <= $0 + (window.columns - 1) / 2 }
            var keep = 1.0
            for _ in 0..<rows.count * columns.count { keep *= 1 - gamma }
            total += (1 - keep) / Double(height * width)
          }
        }
        let expectation = DropExpectation(dropBlock, keepProbability: 0.9, height: height, width: width)
        #expect(abs(expectation.rate - total) < 1e-12, "\(mode.rawValue) block \(block)")
      }
    }
  }

  @Test("the detection code's lower edge: four times too often on wide maps, never on high ones")
  func lowerEdge() {
    let dropBlock = DropBlock(blockSize: 7, mode: .tpuDetection)
    let wide = DropExpectation(dropBlock, keepProbability: 0.9, height: 25, width: 42)
    #expect((3.8...4.2).contains(wide.rowRates[24] / wide.rowRates[0]), "\(wide.rowRates[24] / wide.rowRates[0])")
    let high = DropExpectation(dropBlock, keepProbability: 0.9, height: 42, width: 25)
    // The last valid centre of a width of 25 is 21, so its block ends in row 24.
    #expect(high.rowRates[25...].allSatisfy { $0 == 0 } && high.rowRates[24] > 0)
  }

  /// Measured of timm 1.0.24 over 60,000 maps; a row's standard error is about 0.0012.
  @Test("timm's even blocks lean to the low side")
  func evenBlocks() {
    let map = DropExpectation(DropBlock(blockSize: 6, mode: .timm), keepProbability: 0.9, height: 14, width: 14)
    for (row, rate) in [(0, 0.1337), (1, 0.1649), (2, 0.1937), (11, 0.1649), (12, 0.1346), (13, 0.1036)] {
      #expect(abs(map.rowRates[row] - rate) < 5e-3, "row \(row): \(map.rowRates[row])")
    }
  }

  @Test("torchvision, mmdetection and keras-drop-block have the paper's masks for odd blocks that fit, bit for bit")
  func equalMasks() {
    let shape = Shape(2, 20, 9, 11)
    for size in [1, 3, 7] {
      let paper = DrawnMask(DropBlock(blockSize: size), shape, keepProbability: 0.8)
      for mode in [DropBlockMode.torchvision, .mmdetection, .kerasDropBlock] {
        #expect(DrawnMask(DropBlock(blockSize: size, mode: mode), shape, keepProbability: 0.8) == paper)
      }
    }
  }

  @Test("keras-drop-block keeps everything on maps smaller than the block, and drops whole channels on equal ones")
  func inert() {
    for side in [1, 2, 4, 6] {
      let mask = DrawnMask(
        DropBlock(blockSize: 7, mode: .kerasDropBlock), Shape(2, 20, side, side), keepProbability: 0.1)
      #expect(mask.kept == 2 * 20 * side * side)
    }
    let whole = DropExpectation(
      DropBlock(blockSize: 7, mode: .kerasDropBlock), keepProbability: 0.9, height: 7, width: 7)
    #expect(abs(whole.rate - 0.1) < 1e-12)
  }

  @Test(
    "maps that the original fails on are named",
    arguments: [
      (DropBlockMode.torchvision, 4, 14, 14, true), (.torchvision, 7, 6, 6, true), (.torchvision, 7, 5, 9, false),
      (.mmdetection, 7, 5, 9, true), (.mmdetection, 4, 9, 9, true), (.mmdetection, 7, 7, 7, false),
      (.timmOld, 4, 14, 14, true), (.timmOld, 7, 6, 9, true), (.timmOld, 7, 5, 9, true), (.timmOld, 9, 8, 8, true),
      (.timmOld, 7, 5, 5, false),
      (.tpuDetection, 8, 7, 9, true), (.tpuDetection, 9, 7, 7, false), (.timm, 8, 7, 7, false),
      (.paper, 8, 7, 7, false), (.kerasDropBlock, 8, 7, 7, false),
    ])
  func problems(mode: DropBlockMode, block: Int, height: Int, width: Int, fails: Bool) {
    let problem = DropBlock(blockSize: block, mode: mode).problem(height: height, width: width)
    #expect((problem != nil) == fails, "\(problem ?? "none")")
    if let problem { #expect(problem.hasPrefix(mode.rawValue)) }
  }

  @Test("timm's mask is the same in all channels, and the others' is not", arguments: DropBlockMode.allCases)
  func sharing(mode: DropBlockMode) {
    #expect(DropBlock(blockSize: 3, mode: mode).isShared == (mode == .timm))
    #expect(DropBlock(blockSize: 3, mode: mode, isShared: true).isShared)
  }

  @Test(
    "a calibrated gamma drops exactly what is asked for", arguments: [(7, 7), (14, 14), (25, 42), (4, 9), (1, 1)],
    [1, 3, 4, 7])
  func calibrated(map: (height: Int, width: Int), size: Int) {
    let dropBlock = DropBlock(blockSize: size, isCalibrated: true)
    for keepProbability in [1, 0.999, 0.9, 0.5, 0.1, 0.001, 0] {
      let expectation = DropExpectation(
        dropBlock, keepProbability: keepProbability, height: map.height, width: map.width)
      #expect(abs(expectation.rate - (1 - keepProbability)) < 1e-12, "\(expectation.rate)")
    }
    let published = DropBlock(blockSize: size).gamma(keepProbability: 0.9, height: map.height, width: map.width)
    let solved = dropBlock.gamma(keepProbability: 0.9, height: map.height, width: map.width)
    #expect(solved >= published - 1e-15)
  }
}
