import Glibc
import Tensors

/// Draws the places where blocks start, by their distances.
///
/// Trials with success probability gamma at every place are the same as geometric gaps between successes: one number a
/// block instead of one a place. gap = floor(log u / log(1 - gamma)) for u uniform in (0, 1).
struct SeedSampler {
  /// 1 / log(1 - gamma): negative, zero for gamma = 1, minus infinity for gamma = 0.
  private let scale: Double

  /// A sampler of places that are each taken with probability `gamma` in 0...1.
  init(gamma: Double) { scale = gamma > 0 ? 1 / log1p(-gamma) : -.infinity }

  /// Calls `body` with each taken place of `0..<places` in rising order.
  ///
  /// The numbers come from the segment's counter and those that follow it, eight draws at a time: their first words, then
  /// their second words, and so on.
  @inline(__always)
  func forEachSeed(
    of places: Int, in segment: MaskSegment, philox: Philox, scratch: GapScratch, _ body: (Int) -> Void
  ) {
    var (place, draw) = (0, 0)
    while true {
      scratch.words.pointee = philox.blocks(segment.counters(drawsFrom: draw))
      draw &+= 8
      for eight in 0..<4 {
        fillGaps(scratch, eight)
        for index in 0..<8 {
          place &+= Int(truncatingIfNeeded: scratch.gaps[index])
          if place >= places { return }
          body(place)
          place &+= 1
        }
      }
    }
  }

  /// Turns eight of the words into gaps: log(u) / log(1 - gamma) for u = (word + 1/2) / 2^32, rounded down.
  ///
  /// No branch and no call in the loop, so it runs in vector registers.
  @inline(__always)
  private func fillGaps(_ scratch: GapScratch, _ eight: Int) {
    let words = UnsafeRawPointer(scratch.words).assumingMemoryBound(to: UInt64.self) + 8 &* eight
    for index in 0..<8 { scratch.gaps[index] = Self.gap(words[index], scale) }
  }

  /// The gap of a word of 32 bits, at most 2^40: beyond all places, and the sum of two still is an integer of 64 bits.
  @inline(__always)
  private static func gap(_ word: UInt64, _ scale: Double) -> UInt64 {
    // Integers below 2^52 are the low bits of themselves plus 2^52: conversions that every vector unit has.
    let number = Double(bitPattern: word | 0x4330_0000_0000_0000) - 0x1p52
    let gap = logarithm((number + 0.5) * 0x1p-32) * scale
    let limited = gap < 0x1p40 ? gap : 0x1p40
    let nearest = (limited + 0x1p52) - 0x1p52
    let floor = nearest > limited ? nearest - 1 : nearest
    return (floor + 0x1p52).bitPattern & 0x000f_ffff_ffff_ffff
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

/// Room for the words of eight draws and for eight gaps; nothing is in it at first.
struct GapScratch {
  let words: UnsafeMutablePointer<Philox.Words8>
  let gaps: UnsafeMutablePointer<UInt64>

  /// Lends room on the stack.
  @inline(__always)
  static func lend<Result>(_ body: (GapScratch) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: Philox.Words8.self, capacity: 1) { words in
      withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 8) { gaps in
        body(GapScratch(words: words.baseAddress!, gaps: gaps.baseAddress!))
      }
    }
  }
}
