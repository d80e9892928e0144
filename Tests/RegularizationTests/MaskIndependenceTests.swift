import Regularization
import Tensors
import Testing

/// Which masks differ from which, and that those that differ have nothing to do with each other.
///
/// The elements of a mask with blocks of 1 are independent, so the agreement of two masks is about standard normal; 4.5
/// is passed by chance once in 10^5. Equal masks of 2 x 64 x 32 x 32 elements would be at 362.
@Suite struct MaskIndependenceTests {
  private static let shape = Shape(2, 64, 32, 32)
  private static let dropBlock = DropBlock(blockSize: 1)

  private func draw(seed: UInt64 = 7, rank: Int = 0, step: Int = 0, layer: Int = 0, firstSample: Int = 0) -> [UInt8] {
    DrawnMask(
      Self.dropBlock, Self.shape, keepProbability: 0.7,
      stream: .perRank(seed: seed, rank: rank, firstSample: firstSample), step: step, layer: layer
    ).elements
  }

  private func expectIndependent(
    _ a: [UInt8], _ b: [UInt8], _ what: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let z = agreement(a[...], b[...], rate: 0.3)
    #expect(abs(z) < 4.5, "\(what): agreement \(z)", sourceLocation: sourceLocation)
  }

  @Test("the same key and counter give the same mask, and the agreement sees it")
  func equal() {
    #expect(draw() == draw())
    #expect(agreement(draw()[...], draw()[...], rate: 0.3) > 300)
  }

  @Test("masks of different seeds, ranks, steps and layers are independent", arguments: [1, 2, 255, 256, 60_000])
  func differentWords(distance: Int) {
    let base = draw()
    expectIndependent(base, draw(seed: 7 + UInt64(distance)), "seed")
    expectIndependent(base, draw(seed: 7 | UInt64(distance) << 32), "upper half of the seed")
    expectIndependent(base, draw(rank: distance), "rank")
    expectIndependent(base, draw(step: distance), "step")
    expectIndependent(base, draw(layer: distance), "layer")
    expectIndependent(base, draw(firstSample: distance + 1), "sample")
  }

  @Test("a number in one place is not the same number in another")
  func exchangedWords() {
    let masks = [
      ("rank", draw(rank: 3)), ("step", draw(step: 3)), ("layer", draw(layer: 3)), ("sample", draw(firstSample: 3)),
      ("seed", draw(seed: 3)),
    ]
    for (index, first) in masks.enumerated() {
      for second in masks[(index + 1)...] {
        expectIndependent(first.1, second.1, "\(first.0) against \(second.0)")
      }
    }
  }

  @Test("masks of different samples and channels of one tensor are independent", arguments: [1, 2, 7, 8, 15, 16, 33])
  func channels(distance: Int) {
    let elements = draw()
    let area = Self.shape.area
    let half = elements.count / 2
    let sampleAgreement = agreement(elements[..<half], elements[half...], rate: 0.3)
    #expect(abs(sampleAgreement) < 4.5)
    let channelAgreement = agreement(
      elements[..<(half - distance * area)], elements[(distance * area)..<half], rate: 0.3)
    #expect(abs(channelAgreement) < 4.5, "channels \(distance) apart: \(channelAgreement)")
  }

  /// Whole channels as elements: with a block as large as the map a channel is one draw.
  @Test("large blocks are as independent as small ones between neighbouring steps, layers and ranks")
  func largeBlocks() {
    let shape = Shape(4, 2048, 7, 7)
    func channels(rank: Int, step: Int, layer: Int) -> [UInt8] {
      let mask = DrawnMask(
        DropBlock(blockSize: 7), shape, keepProbability: 0.7,
        stream: .perRank(seed: 7, rank: rank), step: step, layer: layer)
      return stride(from: 0, to: shape.count, by: shape.area).map { [elements = mask.elements] in elements[$0] }
    }
    let base = channels(rank: 0, step: 0, layer: 0)
    expectIndependent(base, channels(rank: 1, step: 0, layer: 0), "rank")
    expectIndependent(base, channels(rank: 0, step: 1, layer: 0), "step")
    expectIndependent(base, channels(rank: 0, step: 0, layer: 1), "layer")
  }
}
