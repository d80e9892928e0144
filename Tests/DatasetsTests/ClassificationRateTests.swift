import Foundation
import Tensors
import Testing

@testable import Datasets

/// The speed that training asks of one core; `DROPBLOCK_RATES=1` measures for longer.
@Suite(.serialized) struct ClassificationRateTests {
  private let rounds = ProcessInfo.processInfo.environment["DROPBLOCK_RATES"] == nil ? 1 : 10

  @Test("thousands of small pictures a second are padded, cut out, flipped and normalised on one core")
  func smallPictures() throws {
    let images = LabeledImages(
      channels: 3, height: 32, width: 32, pixels: (0..<300 * 3072).map { UInt8(truncatingIfNeeded: $0 * 37) },
      labels: (0..<300).map { UInt8($0 % 10) })
    let dataset = ClassificationDataset(images, name: "memory", classNames: (0..<10).map { "\($0)" })
    var transform = ClassificationTransform(height: 32, width: 32)
    (transform.crop, transform.flipProbability) = (.pad(4), 0.5)
    for usesAutoAugment in [false, true] {
      (transform.usesAutoAugment, transform.cutout) = (usesAutoAugment, usesAutoAugment ? 16 : 0)
      let rate = try rate(of: dataset, transform, usesScaledDecoding: false, rounds: 10 * rounds)
      print("32x32, AutoAugment and Cutout \(usesAutoAugment): \(Int(rate)) images/s")
      #expect(rate > 4000)
    }
  }

  @Test(
    "40 photographs a second become inputs of 224 on one core, with random parts and AutoAugment",
    .enabled(if: Fixtures.sharedData != nil, "needs the shared data"))
  func photographs() throws {
    let dataset = ClassificationDataset(try ImageFolder(root: #require(Fixtures.sharedData) + "/flowers5/train"))
    var transform = ClassificationTransform(height: 224, width: 224)
    (transform.crop, transform.flipProbability) = (.randomResized(minimumArea: 0.08), 0.5)
    for (usesAutoAugment, usesScaledDecoding) in [(false, false), (false, true), (true, true)] {
      transform.usesAutoAugment = usesAutoAugment
      let rate = try rate(of: dataset, transform, usesScaledDecoding: usesScaledDecoding, rounds: rounds)
      print("224, AutoAugment \(usesAutoAugment), scaled decoding \(usesScaledDecoding): \(Int(rate)) images/s")
      #expect(rate > 40)
    }
  }

  /// Images a second of this thread's time, over so many epochs.
  private func rate(
    of dataset: ClassificationDataset, _ transform: ClassificationTransform, usesScaledDecoding: Bool, rounds: Int
  ) throws -> Double {
    let sampler = Sampler(imageCount: dataset.count, seed: 1)
    let reader = ClassificationReader()
    var output = [Float](repeating: 0, count: 3 * transform.height * transform.width)
    let start = threadSeconds()
    for epoch in 0..<rounds {
      for index in 0..<dataset.count {
        try output.withUnsafeMutableBufferPointer {
          try reader.readForTraining(
            dataset, at: index, transform, sampler: sampler, epoch: epoch, usesScaledDecoding: usesScaledDecoding,
            into: $0)
        }
      }
    }
    return Double(rounds * dataset.count) / (threadSeconds() - start)
  }
}
