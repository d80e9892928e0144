import Graph
import Regularization
import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the exact expectation of what is dropped, and the same masks by another way.
@Suite(.serialized) struct InferenceDropBlockTests {
  private static let places = MaskSelection(groups: [2, 3])
  private static let shapes = [Shape(1, 64, 8, 8), Shape(1, 128, 4, 4)]

  private func dropBlock(_ blockSize: Int, groups: Int? = nil) -> InferenceDropBlock {
    InferenceDropBlock(
      DropBlock(blockSize: blockSize), keepProbabilities: KeepProbabilities(0.8, groups: groups), at: Self.places,
      seed: 3)
  }

  /// A small network on images of 32 pixels, with masks on maps of 8x8 and 4x4.
  private func plan(images: Int) throws -> Plan {
    var configuration = Configuration(network: .customNet)
    configuration.input.size = Configuration.ImageSize(height: 32, width: 32)
    let classifier = try #require(configuration.task as? Classifier)
    let graph = classifier.inferenceGraph(images: images, masking: Self.places).graph
    return Plan(graph, engine: Engine(), mode: .inference, policy: .direct)
  }

  /// The mask of each site, as one number an element.
  private func masks(_ plan: Plan) -> [[UInt8]] {
    var masks: [[UInt8]] = []
    plan.withMaskBits { bits in
      let layout = MaskLayout(shape: plan.maskSites[masks.count].shape, channelBlock: plan.channelBlock)
      masks.append(layout.unpack(bits.bindMemory(to: UInt16.self)))
    }
    return masks
  }

  /// 400 images: a deviation of the mean of more than 5 standard errors has probability 6e-7.
  @Test("the share that a site drops is the expected one", arguments: [1, 3, 7], [nil, 3])
  func rate(blockSize: Int, groups: Int?) throws {
    let plan = try plan(images: 1)
    let dropBlock = dropBlock(blockSize, groups: groups)
    #expect(plan.maskSites.map(\.shape) == Self.shapes)
    let count = 400
    var dropped = [0.0, 0.0]
    for image in 0..<count {
      plan.forward(dropBlock.context(firstImage: image))
      for (site, kept) in plan.keptFractions.enumerated() { dropped[site] += (1 - kept) / Double(count) }
    }
    for (site, shape) in Self.shapes.enumerated() {
      // Group 2 drops a quarter of the last group's share where groups are scaled.
      let keepProbability = groups != nil && site == 0 ? 0.95 : 0.8
      let expected = Regularizer.dropBlock(DropBlock(blockSize: blockSize)).expectation(
        shape: shape, keepProbability: keepProbability)
      let deviation = (dropped[site] - expected.rate) / (expected.variance / Double(count)).squareRoot()
      #expect(abs(deviation) < 5, "dropped \(dropped[site]), expected \(expected.rate), \(deviation) standard errors")
    }
  }

  @Test("an image's masks belong to its number, whatever else is in its batch, and others' are others")
  func numbers() throws {
    let (one, four) = (try plan(images: 1), try plan(images: 4))
    let dropBlock = dropBlock(3)
    var seen: Set<[UInt8]> = []
    // The last images of one step of the stream and the first ones of the next.
    for first in [0, 65_532, 65_536] {
      four.forward(dropBlock.context(firstImage: first))
      let together = masks(four)
      for place in 0..<4 {
        one.forward(dropBlock.context(firstImage: first + place))
        for (alone, all) in zip(masks(one), together) {
          #expect(alone == Array(all[place * alone.count..<(place + 1) * alone.count]))
        }
        seen.insert(masks(one)[0])
      }
    }
    #expect(seen.count == 12)
    one.forward(InferenceDropBlock.off.context(firstImage: 0))
    #expect(masks(one).isEmpty && one.keptFractions == [1, 1])
  }
}
