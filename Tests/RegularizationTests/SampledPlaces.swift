import Tensors

@testable import Regularization

extension SeedSampler {
  /// The taken places of `0..<places` in the sequence that starts at a counter, as a list.
  func places(of places: Int, philox: Philox, counter: SIMD4<UInt32>) -> [Int] {
    var taken: [Int] = []
    var nothing = 0 as UInt16
    withUnsafeMutableBytes(of: &nothing) { memory in
      let segment = MaskSegment(base: memory.baseAddress!, area: 1, channelBlock: 16, channels: 1, counter: counter)
      GapScratch.lend { forEachSeed(of: places, in: segment, philox: philox, scratch: $0) { taken.append($0) } }
    }
    return taken
  }
}
