import Tensors

/// Random bits that are 1 with one probability, 64 at a time: a sequence that belongs to a segment of a mask.
///
/// The probability is the nearest multiple of 2^-16, at most 2^-17 away from what is asked for. A bit is 1 where a random
/// number of as many binary digits as that probability has is below it. This is decided for 64 numbers at once, digit by
/// digit, so a probability of 0.75 takes two random bits for each.
struct BernoulliBits {
  /// Where the numbers come from.
  private let segment: MaskSegment
  private let philox: Philox
  private let room: Room
  /// The probability in units of 2^-16, 0...2^16.
  private let units: UInt32
  /// Binary digits of the probability behind the point, without zeros at the end.
  private let digits: Int
  /// Draws so far.
  private var draws = 0
  /// Words of the last eight draws that are used up.
  private var used = Room.words

  /// Room for the words of eight draws.
  typealias Room = UnsafeMutablePointer<Philox.Words8>

  /// The bits of a segment; `room` is memory to work in.
  @inline(__always)
  init(_ probability: Double, _ segment: MaskSegment, _ philox: Philox, _ room: Room) {
    (self.segment, self.philox, self.room) = (segment, philox, room)
    units = Self.units(probability)
    digits = 16 &- min(16, units.trailingZeroBitCount)
  }

  /// The probability that bits really have.
  static func probability(nearest probability: Double) -> Double { Double(units(probability)) * 0x1p-16 }

  private static func units(_ probability: Double) -> UInt32 { UInt32((probability * 0x1p16).rounded()) }

  /// The next 64 bits.
  ///
  /// From the last digit of the probability to the first: a number is below it if its digit is smaller, or if it is equal
  /// and what follows is below what follows. A random bit of 1 stands for a digit of 0, which it is as well.
  @inline(__always)
  mutating func next() -> UInt64 {
    if units == 1 << 16 { return .max }
    var below: UInt64 = 0
    var digit = units &>> UInt32(16 &- digits)
    for _ in 0..<digits {
      let random = nextWord()
      below = digit & 1 == 1 ? below | random : below & random
      digit &>>= 1
    }
    return below
  }

  /// The next 64 random bits: of eight draws, first a word of each draw's first two words, then one of its last two.
  @inline(__always)
  private mutating func nextWord() -> UInt64 {
    if used == Room.words {
      let words = philox.blocks(segment.counters(drawsFrom: draws))
      draws &+= 8
      used = 0
      let pairs = UnsafeMutableRawPointer(room).assumingMemoryBound(to: SIMD8<UInt64>.self)
      pairs[0] = words.0 | words.1 &<< 32
      pairs[1] = words.2 | words.3 &<< 32
    }
    defer { used &+= 1 }
    return UnsafeRawPointer(room).load(fromByteOffset: 8 &* used, as: UInt64.self)
  }
}

extension BernoulliBits.Room {
  /// Words of 64 bits that eight draws give.
  fileprivate static var words: Int { 16 }

  /// Lends room on the stack.
  @inline(__always)
  static func lend<Result>(_ body: (Self) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: Philox.Words8.self, capacity: 1) { body($0.baseAddress!) }
  }
}
