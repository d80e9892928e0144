import Foundation
import Tensors
import Testing

@testable import Datasets

/// The speed that training on photographs asks of one core.
@Suite(.enabled(if: Fixtures.sharedData != nil, "needs the shared data")) struct ClassificationRateTests {
  @Test("40 photographs a second become inputs of 224 on one core, with random parts and AutoAugment")
  func photographs() throws {
    let dataset = ClassificationDataset(try ImageFolder(root: #require(Fixtures.sharedData) + "/flowers5/train"))
    var transform = ClassificationTransform(height: 224, width: 224)
    (transform.crop, transform.flipProbability) = (.randomResized(minimumArea: 0.08), 0.5)
    let sampler = Sampler(imageCount: dataset.count, seed: 1)
    let reader = ClassificationReader()
    var output = [Float](repeating: 0, count: 3 * 224 * 224)
    for (usesAutoAugment, usesScaledDecoding) in [(false, false), (false, true), (true, true)] {
      transform.usesAutoAugment = usesAutoAugment
      let start = ProcessInfo.processInfo.environment["DROPBLOCK_RATES"] == nil ? 1 : 10
      let count = start * dataset.count
      let before = threadSeconds()
      for number in 0..<count {
        try output.withUnsafeMutableBufferPointer {
          try reader.readForTraining(
            dataset, at: number % dataset.count, transform, sampler: sampler, epoch: number / dataset.count,
            usesScaledDecoding: usesScaledDecoding, into: $0)
        }
      }
      let rate = Double(count) / (threadSeconds() - before)
      print("AutoAugment \(usesAutoAugment), scaled decoding \(usesScaledDecoding): \(Int(rate)) images/s")
      #expect(rate > 40)
    }
  }
}

/// Seconds of this thread on a processor.
private func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
