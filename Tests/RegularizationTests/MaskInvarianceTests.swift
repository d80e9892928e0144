import Regularization
import Tensors
import Testing

/// What a mask must not depend on, and its ends: everything kept, nothing kept.
@Suite struct MaskInvarianceTests {
  private static let dropBlock = DropBlock(blockSize: 3)

  private func factor(elements: Int, kept: Int) -> Float {
    Regularizer.dropBlock(Self.dropBlock).factor(elements: elements, kept: kept, keepProbability: 0.8)
  }

  @Test("the mask is the same for 1, 2 and 3 threads", arguments: [8, 16])
  func threads(channelBlock: Int) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    // Odd areas: with 8 channels a block two threads write to bytes of one word.
    let masks = [1, 2, 3].map { threads in
      ThreadPool.setThreadCount(threads)
      return DrawnMask(
        Self.dropBlock, Shape(3, 40, 9, 11), keepProbability: 0.8, channelBlock: channelBlock, step: 5, layer: 2)
    }
    #expect(masks[0] == masks[1] && masks[0] == masks[2])
    #expect(masks[0].kept < 3 * 40 * 99)
  }

  @Test("8 and 16 channels a block give the same mask per element", arguments: [1, 2, 3, 7])
  func channelBlocks(size: Int) {
    let dropBlock = DropBlock(blockSize: size)
    for shape in [Shape(2, 19, 5, 7), Shape(1, 32, 14, 14), Shape(3, 8, 1, 3), Shape(1, 9, 90, 3)] {
      let wide = DrawnMask(dropBlock, shape, keepProbability: 0.8, channelBlock: 16)
      let narrow = DrawnMask(dropBlock, shape, keepProbability: 0.8, channelBlock: 8)
      #expect(wide.elements == narrow.elements)
      #expect(wide.kept == narrow.kept)
    }
  }

  @Test("padded channels and the bits behind the end are 0, and the count is that of the ones", arguments: [8, 16])
  func padding(channelBlock: Int) {
    for shape in [Shape(2, 19, 5, 7), Shape(1, 3, 5, 5), Shape(1, 8, 1, 1), Shape(1, 17, 3, 3)] {
      for keepProbability in [1, 0.8, 0] {
        let mask = DrawnMask(
          Self.dropBlock, shape, keepProbability: keepProbability, channelBlock: channelBlock)
        #expect(mask.ones == mask.kept)
        #expect(mask.elements.reduce(0) { $0 + Int($1) } == mask.kept)
      }
    }
  }

  @Test("bit i belongs to element i of the blocked tensor")
  func order() {
    let layout = MaskLayout(shape: Shape(2, 19, 5, 7), channelBlock: 8)
    // ((1 * 3 + 18 / 8) * 35 + 4 * 7 + 6) * 8 + 18 % 8, by hand.
    #expect(layout.bit(1, 18, 4, 6) == ((3 + 2) * 35 + 34) * 8 + 2)
    #expect(layout.bitCount == 2 * 3 * 35 * 8 && layout.wordCount == 105)
    #expect(MaskLayout(shape: Shape(1, 8, 1, 3), channelBlock: 8).wordCount == 2)
  }

  /// A fingerprint (FNV-1a) written down when the masks were first drawn; no other program makes the same ones.
  @Test("the masks of a seed stay the same from version to version")
  func frozen() {
    let mask = DrawnMask(
      DropBlock(blockSize: 7), Shape(2, 64, 40, 40), keepProbability: 0.9,
      stream: .perRank(seed: 0x1_0000_0007, rank: 1), step: 1234, layer: 17)
    let fingerprint = mask.words.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    #expect(fingerprint == 0x25a2_f0b5_512d_e739, "\(String(fingerprint, radix: 16)), \(mask.kept) kept")
  }

  @Test("keep probability 1 keeps every element and needs no rescaling")
  func identity() {
    for shape in [Shape(2, 19, 5, 7), Shape(1, 64, 40, 40)] {
      let mask = DrawnMask(Self.dropBlock, shape, keepProbability: 1)
      #expect(mask.kept == shape.count)
      #expect(mask.elements.allSatisfy { $0 == 1 })
      #expect(factor(elements: shape.count, kept: mask.kept) == 1)
    }
  }

  @Test("a mask that keeps nothing has factor 0, so that zeros come out and not NaN", arguments: [1, 5, 9])
  func nothingKept(size: Int) {
    let dropBlock = DropBlock(blockSize: size)
    let mask = DrawnMask(dropBlock, Shape(2, 19, 5, 5), keepProbability: 0)
    #expect(mask.kept == 0 && mask.ones == 0)
    #expect(factor(elements: 2 * 19 * 25, kept: mask.kept) == 0)
  }

  @Test("the factor is elements over kept elements")
  func normalizer() {
    #expect(factor(elements: 100, kept: 80) == 1.25)
    #expect(factor(elements: 32_563_200, kept: 1) == 32_563_200)
  }

  @Test("with masks by sample, a batch split over ranks or micro-batches has the masks of the whole")
  func splitBatch() {
    func draw(_ samples: Int, first: Int, stride: Int = 1) -> [UInt8] {
      DrawnMask(
        Self.dropBlock, Shape(samples, 20, 9, 7), keepProbability: 0.8,
        stream: .perSample(seed: 4, firstPosition: first, stride: stride), step: 3, layer: 9
      ).elements
    }
    let whole = draw(6, first: 0)
    let size = 20 * 9 * 7
    #expect(draw(2, first: 0) + draw(1, first: 2) + draw(3, first: 3) == whole)
    let odd = [1, 3, 5].flatMap { Array(whole[$0 * size..<($0 + 1) * size]) }
    #expect(draw(3, first: 1, stride: 2) == odd)
    let samples = Set((0..<6).map { Array(whole[$0 * size..<($0 + 1) * size]) })
    #expect(samples.count == 6)
  }

  @Test("with masks by rank, micro-batches go on where the one before stopped")
  func microBatches() {
    func draw(_ samples: Int, first: Int) -> [UInt8] {
      DrawnMask(
        Self.dropBlock, Shape(samples, 20, 9, 7), keepProbability: 0.8,
        stream: .perRank(seed: 4, rank: 2, firstSample: first)
      ).elements
    }
    #expect(draw(1, first: 0) + draw(3, first: 1) == draw(4, first: 0))
  }

  @Test("a channel's mask does not depend on how many channels there are")
  func moreChannels() {
    let few = DrawnMask(Self.dropBlock, Shape(1, 20, 9, 7), keepProbability: 0.8).elements
    let many = DrawnMask(Self.dropBlock, Shape(1, 50, 9, 7), keepProbability: 0.8).elements
    #expect(Array(many[..<few.count]) == few)
  }
}
