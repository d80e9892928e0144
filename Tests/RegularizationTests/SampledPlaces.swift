import Tensors

@testable import Regularization

extension SeedSampler {
  /// The taken places of the sequence that starts at a counter, as a list.
  func places(philox: Philox, counter: SIMD4<UInt32>) -> [Int] {
    var places: [Int] = []
    GapScratch.lend { scratch in
      forEachSeed(first: philox.block(counter), scratch: scratch, philox: philox, counter: counter) {
        places.append($0)
      }
    }
    return places
  }
}
