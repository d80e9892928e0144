import Glibc
import Tensors

/// Draws the places where blocks start, by their distances.
///
/// Trials with success probability gamma at every place are the same as geometric gaps between successes: one number a
/// block instead of one a place. gap = floor(log u / log(1 - gamma)) for u uniform in (0, 1).
struct SeedSampler {
  /// Places where a block may start.
  private let places: Int
  /// 1 / log(1 - gamma): negative, and zero for gamma = 1.
  private let scale: Double
  /// The smallest first word of a sequence in which any place is taken; 2^32 where none is.
  ///
  /// The greater the word, the shorter the gap. With it nine of ten sequences need no logarithm at the paper's rates.
  let seedingWord: UInt64
  /// Blocks of random words to draw at a time once the first has been used up: about what a channel needs.
  private let batch: Int

  /// A sampler over `places` places, each taken with probability `gamma` in 0...1.
  init(gamma: Double, places: Int) {
    self.places = places
    let scale = 1 / log1p(-gamma)
    self.scale = scale
    batch = max(1, min(GapScratch.blocks, Int(gamma * Double(places) / 4)))
    var (low, high) = (0 as UInt64, 1 << 32 as UInt64)
    if places == 0 || gamma <= 0 { low = high }
    while low < high {
      let middle = (low + high) / 2
      if Self.gap(UInt32(middle), scale) < Double(places) { high = middle } else { low = middle + 1 }
    }
    seedingWord = low
  }

  /// Calls `body` with each taken place in rising order.
  ///
  /// `first` are the four words of `counter`; further words come from the counters that follow in its first word, a batch
  /// at a time in `scratch`.
  @inline(__always)
  func forEachSeed(
    first: SIMD4<UInt32>, scratch: GapScratch, philox: Philox, counter: SIMD4<UInt32>, _ body: (Int) -> Void
  ) {
    scratch.words[0] = first
    fillGaps(scratch, blocks: 1)
    var (gaps, left, counter) = (UnsafePointer(scratch.gaps), 4, counter)
    var place = 0
    while place < places {
      if left == 0 {
        for block in 0..<batch {
          counter[0] &+= 1
          scratch.words[block] = philox.block(counter)
        }
        fillGaps(scratch, blocks: batch)
        (gaps, left) = (UnsafePointer(scratch.gaps), 4 &* batch)
      }
      let gap = gaps.pointee
      (gaps, left) = (gaps + 1, left &- 1)
      // Compared before it becomes an integer: for a gamma near 0 the gap is beyond any Int.
      guard gap < Double(places &- place) else { return }
      place &+= Int(gap)
      body(place)
      place &+= 1
    }
  }

  /// Turns the words of the first `blocks` blocks into gaps: log(u) / log(1 - gamma) for u = (word + 1/2) / 2^32.
  ///
  /// The gaps are not yet rounded down. No branch and no call in the loop, so it runs in vector registers.
  @inline(__always)
  func fillGaps(_ scratch: GapScratch, blocks: Int) {
    let gaps = scratch.gaps
    scratch.words.withMemoryRebound(to: UInt32.self, capacity: 4 * blocks) { words in
      for index in 0..<4 &* blocks {
        gaps[index] = Self.gap(words[index], scale)
      }
    }
  }

  /// The gap of a word, not yet rounded down.
  @inline(__always)
  private static func gap(_ word: UInt32, _ scale: Double) -> Double {
    logarithm((Double(word) + 0.5) * 0x1p-32) * scale
  }

  /// The natural logarithm of a positive normal number, to 1e-13 of its value.
  ///
  /// Additions, multiplications and one division, all rounded as IEEE 754 says: unlike a library's function it runs in
  /// vector registers and gives the same bits everywhere. x = 2^k m with m in [sqrt 1/2, sqrt 2), and
  /// log m = 2 artanh((m - 1) / (m + 1)) by its series.
  @inline(__always)
  static func logarithm(_ x: Double) -> Double {
    let bits = Int64(bitPattern: x.bitPattern)
    let k = (bits &- 0x3fe6_a09e_667f_3bcd) >> 52
    let m = Double(bitPattern: UInt64(bitPattern: bits &- (k << 52)))
    let s = (m - 1) / (m + 1)
    let q = s * s
    let high = 1 / 7.0 + q * (1 / 9.0 + q * (1 / 11.0 + q * (1 / 13.0 + q * (1 / 15.0))))
    let series = 1 + q * (1 / 3.0 + q * (1 / 5.0 + q * high))
    return Double(k) * 0.693147180559945309 + 2 * s * series
  }
}
