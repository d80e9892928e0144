import Tensors
import Testing

@testable import Regularization

@Suite struct BlockGrowthTests {
  static let maps = [(7, 7), (14, 14), (25, 42), (42, 25), (4, 9), (9, 4), (1, 5), (3, 130), (130, 3), (2, 2)]
  static let blocks = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 17, 25]

  /// The seeds of a sample as dense noise of each channel: 0 at a seed and just below 1 elsewhere.
  ///
  /// The sampler's starts become the official code's centres, half a block further on.
  private func noise(_ dropBlock: DropBlock, _ shape: Shape, keepProbability: Double, sample: Int) -> [[Double]] {
    let stream = MaskStream.perRank(seed: 7, rank: 0)
    let block = dropBlock.blockSize(height: shape.h, width: shape.w)
    let gamma = dropBlock.gamma(keepProbability: keepProbability, height: shape.h, width: shape.w)
    if block == 1 && gamma >= 0.125 {
      // Many blocks of one element are drawn as bits, without a sampler: see below.
      let elements = DrawnMask(.dropout, shape, keepProbability: keepProbability).elements
      return (sample * shape.c..<(sample + 1) * shape.c).map { channel in
        elements[channel * shape.area..<(channel + 1) * shape.area].map { $0 == 0 ? 0 : 1.0.nextDown }
      }
    }
    let places = dropBlock.startArea(height: shape.h, width: shape.w)
    var counter = stream.counter(step: 0, layer: 0, sample: sample)
    var noise = [[Double]](repeating: [Double](repeating: 1.0.nextDown, count: shape.area), count: shape.c)
    let columns = shape.w - block + 1
    let segmentChannels = MaskCanvas.segmentChannels(area: shape.area)
    for first in stride(from: 0, to: shape.c, by: segmentChannels) {
      counter[3] = UInt32(first)
      let count = min(segmentChannels, shape.c - first) * places
      for seed in SeedSampler(gamma: gamma).places(of: count, philox: stream.philox, counter: counter) {
        let (channel, place) = (first + seed / places, seed % places)
        noise[channel][(place / columns + block / 2) * shape.w + place % columns + block / 2] = 0
      }
    }
    return noise
  }

  @Test(
    "seeds grow to the same blocks as in the official code, for every map, block and lane width", arguments: maps,
    [8, 16])
  func growth(map: (Int, Int), channelBlock: Int) {
    let shape = Shape(2, 19, map.0, map.1)
    // Blocks as large as a square map drop channels as a whole, without seeds.
    for size in Self.blocks where map.0 != map.1 || size < map.0 {
      for keepProbability in [0.9, 0.4] {
        let dropBlock = DropBlock(blockSize: size)
        let official = OfficialDropBlock(
          height: shape.h, width: shape.w, block: dropBlock.blockSize(height: shape.h, width: shape.w),
          gamma: dropBlock.gamma(keepProbability: keepProbability, height: shape.h, width: shape.w))
        let mask = DrawnMask(dropBlock, shape, keepProbability: keepProbability, channelBlock: channelBlock)
        var expected: [UInt8] = []
        for sample in 0..<shape.n {
          for seeds in noise(dropBlock, shape, keepProbability: keepProbability, sample: sample) {
            expected += official.mask(noise: seeds).map { UInt8($0) }
          }
        }
        #expect(mask.elements == expected, "block \(size) at keep probability \(keepProbability)")
        #expect(mask.kept == expected.reduce(0) { $0 + Int($1) })
      }
    }
  }

  @Test(
    "many blocks of one element are Dropout's mask, of the same random numbers; few have seeds", arguments: maps,
    [8, 16])
  func elements(map: (Int, Int), channelBlock: Int) {
    let shape = Shape(2, 35, map.0, map.1)
    for keepProbability in [0.875, 0.4, 0.2, 0] {
      let mask = DrawnMask(DropBlock(blockSize: 1), shape, keepProbability: keepProbability, channelBlock: channelBlock)
      let dropout = DrawnMask(.dropout, shape, keepProbability: keepProbability, channelBlock: channelBlock)
      #expect(mask == dropout, "\(keepProbability)")
      #expect(mask.kept == mask.elements.reduce(0) { $0 + Int($1) })
    }
    // Blocks that all channels of a sample share stay seeds, and so do rare ones.
    let shared = DrawnMask(
      DropBlock(blockSize: 1, isShared: true), shape, keepProbability: 0.4, channelBlock: channelBlock)
    for sample in 0..<shape.n {
      let channels = (0..<shape.c).map { channel in
        Array(
          shared.elements[(sample * shape.c + channel) * shape.area..<(sample * shape.c + channel + 1) * shape.area])
      }
      #expect(Set(channels).count == 1)
    }
    if shape.area > 1 && shape.area < 200 {
      let rare = DrawnMask(DropBlock(blockSize: 1), shape, keepProbability: 0.9, channelBlock: channelBlock)
      #expect(rare != DrawnMask(.dropout, shape, keepProbability: 0.9, channelBlock: channelBlock))
    }
  }

  @Test("a block as large as a square map drops whole channels with probability 1 - keepProbability")
  func wholeChannels() {
    let shape = Shape(4, 1024, 7, 7)
    let mask = DrawnMask(DropBlock(blockSize: 9), shape, keepProbability: 0.9)
    let elements = mask.elements
    var dropped = 0
    for first in stride(from: 0, to: elements.count, by: shape.area) {
      let channel = elements[first..<first + shape.area]
      #expect(channel.allSatisfy { $0 == channel[first] })
      dropped += channel[first] == 0 ? 1 : 0
    }
    // Binomial: 4096 channels at 0.1 give 409.6 with standard deviation 19.2; four of them.
    #expect(abs(Double(dropped) - 409.6) < 77, "\(dropped) channels dropped")
  }
}
