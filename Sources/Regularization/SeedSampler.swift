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

  /// A sampler over `places` places, each taken with probability `gamma` in 0...1.
  init(gamma: Double, places: Int) {
    self.places = places
    scale = 1 / log1p(-gamma)
  }

  /// Calls `body` with each taken place in rising order.
  ///
  /// `first` are the random words of `counter`; further words come from the counters that follow in its first word.
  @inline(__always)
  func forEachSeed(
    first: SIMD4<UInt32>, philox: Philox, counter: SIMD4<UInt32>, _ body: (Int) -> Void
  ) {
    var (words, counter, used) = (first, counter, 0)
    var place = 0
    while place < places {
      if used == 4 {
        counter[0] &+= 1
        words = philox.block(counter)
        used = 0
      }
      let gap = negativeLogarithmRatio(words[used])
      used += 1
      // Compared before it becomes an integer: for a gamma near 0 the gap is beyond any Int.
      guard gap < Double(places - place) else { return }
      place += Int(gap)
      body(place)
      place += 1
    }
  }

  /// log(u) / log(1 - gamma) for the word's u = (word + 1/2) / 2^32, at least 0.
  @inline(__always)
  private func negativeLogarithmRatio(_ word: UInt32) -> Double {
    Self.logarithm((Double(word) + 0.5) * 0x1p-32) * scale
  }

  /// The natural logarithm of a positive normal number, to 1e-12 of its value.
  ///
  /// Additions, multiplications and one division, all rounded as IEEE 754 says: unlike a library's function it gives
  /// the same bits, and so the same masks, on every machine. x = 2^k m with m in [sqrt 1/2, sqrt 2), and
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
