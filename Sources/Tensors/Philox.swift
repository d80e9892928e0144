/// Philox 4x32-10, the counter-based generator of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
/// 1, 2, 3" (SC 2011).
///
/// A pure function from a 64-bit key and a 128-bit counter to 128 random bits: any number of any stream can be had
/// without those before it, so a restart needs no saved generator.
public struct Philox: Sendable {
  /// The key, low word first.
  public let key: (UInt32, UInt32)

  /// The generator of this key.
  @inlinable
  public init(key: (UInt32, UInt32)) { self.key = key }

  /// The generator of a seed and a stream, such as a rank or a sample's position.
  ///
  /// Seeds below 2^32 never share a key; the upper half of a longer seed is mixed into the lower one.
  @inlinable
  public init(seed: UInt64, stream: UInt32) {
    var upper = seed >> 32
    upper = (upper ^ (upper >> 15)) &* 0xd168_aaad_d35a_2d97
    self.init(key: (UInt32(truncatingIfNeeded: seed) ^ UInt32(truncatingIfNeeded: upper >> 32), stream))
  }

  /// Four random words of one counter.
  @inlinable
  public func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var (x0, x1, x2, x3) = (counter[0], counter[1], counter[2], counter[3])
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = UInt64(x0) &* 0xd251_1f53
      let p1 = UInt64(x2) &* 0xcd9e_8d57
      let y0 = UInt32(truncatingIfNeeded: p1 >> 32) ^ x1 ^ k0
      let y2 = UInt32(truncatingIfNeeded: p0 >> 32) ^ x3 ^ k1
      (x0, x1, x2, x3) = (y0, UInt32(truncatingIfNeeded: p1), y2, UInt32(truncatingIfNeeded: p0))
      k0 = k0 &+ 0x9e37_79b9
      k1 = k1 &+ 0xbb67_ae85
    }
    return SIMD4(x0, x1, x2, x3)
  }

  /// Four vectors of eight words, each word in the low half of its lane.
  public typealias Words8 = (SIMD8<UInt64>, SIMD8<UInt64>, SIMD8<UInt64>, SIMD8<UInt64>)

  /// The four random words of eight counters: the numbers of `block`, in vector registers.
  ///
  /// Lanes hold 32 bits each, because products of 64 bits come from the low halves of such lanes.
  @inlinable
  @inline(__always)
  public func blocks(_ counters: Words8) -> Words8 {
    let low = SIMD8<UInt64>(repeating: 0xffff_ffff)
    var (x0, x1, x2, x3) = (counters.0 & low, counters.1 & low, counters.2 & low, counters.3 & low)
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = x0 &* 0xd251_1f53
      let p1 = x2 &* 0xcd9e_8d57
      x0 = (p1 &>> 32) ^ x1 ^ SIMD8(repeating: UInt64(k0))
      x2 = (p0 &>> 32) ^ x3 ^ SIMD8(repeating: UInt64(k1))
      x1 = p1 & low
      x3 = p0 & low
      k0 = k0 &+ 0x9e37_79b9
      k1 = k1 &+ 0xbb67_ae85
    }
    return (x0, x1, x2, x3)
  }
}

/// The words of a Philox key in order, for code that draws an unknown number of values.
///
/// The first counter word runs; the other three name the stream (for example epoch, image, purpose).
public struct RandomSequence: RandomNumberGenerator, Sendable {
  private let philox: Philox
  private var counter: SIMD4<UInt32>
  private var words = SIMD4<UInt32>()
  private var used = 4

  /// The sequence of a key and three stream words, from its start.
  public init(_ philox: Philox, _ first: UInt32, _ second: UInt32, _ third: UInt32) {
    self.philox = philox
    counter = SIMD4(0, first, second, third)
  }

  /// The next 32 random bits.
  public mutating func nextWord() -> UInt32 {
    if used == 4 {
      words = philox.block(counter)
      counter[0] &+= 1
      used = 0
    }
    defer { used += 1 }
    return words[used]
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 { UInt64(nextWord()) << 32 | UInt64(nextWord()) }

  /// A uniform number in [0, 1), a multiple of 2^-24.
  public mutating func uniform() -> Float { Float(nextWord() >> 8) * 0x1p-24 }

  /// A standard normal number, by Box and Muller's method.
  public mutating func normal() -> Float {
    let radius = (-2 * Float.log(max(uniform(), 0x1p-25))).squareRoot()
    return radius * Float.cosine(2 * .pi * uniform())
  }
}
