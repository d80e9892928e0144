import Tensors

/// Random bits that are 1 with one probability, 64 at a time: a sequence that belongs to a segment of a mask.
///
/// The probability is the nearest one with a given number of binary digits. A bit is 1 where a random number of as many
/// digits as that probability needs is below it. This is decided for 64 numbers at once, digit by digit, so a probability
/// of 0.75 takes two random bits for each.
struct BernoulliBits {
  /// Where the numbers come from.
  private let segment: MaskSegment
  private let philox: Philox
  private let room: Room
  /// The binary digits of the probability behind the point, the last one in the lowest bit; without zeros at the end.
  private let probability: UInt64
  /// The number of these digits.
  private let digits: Int
  /// Whether the probability is 1.
  private let isCertain: Bool
  /// Draws so far.
  private var draws = 0
  /// Words of the last eight draws that are used up.
  private var used = Room.words

  /// Room for the words of eight draws.
  typealias Room = UnsafeMutablePointer<Philox.Words8>

  /// The bits of a segment; the probability has at most `digits` digits, `room` is memory to work in.
  @inline(__always)
  init(_ probability: Double, digits: Int, _ segment: MaskSegment, _ philox: Philox, _ room: Room) {
    (self.segment, self.philox, self.room) = (segment, philox, room)
    let units = Self.units(probability, digits)
    let zeros = min(digits, units.trailingZeroBitCount)
    self.probability = units &>> UInt64(zeros)
    self.digits = digits &- zeros
    isCertain = units &>> UInt64(digits) == 1
  }

  /// The probability of so many digits that bits really have.
  static func probability(nearest probability: Double, digits: Int) -> Double {
    Double(units(probability, digits)) / Double(1 << digits)
  }

  private static func units(_ probability: Double, _ digits: Int) -> UInt64 {
    UInt64((probability * Double(1 << digits)).rounded())
  }

  /// The next 64 bits.
  ///
  /// From the last digit of the probability to the first: a number is below it if its digit is smaller, or if it is equal
  /// and what follows is below what follows. A random bit of 1 stands for a digit of 0, which it is as well.
  @inline(__always)
  mutating func next() -> UInt64 {
    if isCertain { return .max }
    var (below, rest) = (0 as UInt64, probability)
    for _ in 0..<digits {
      let random = nextWord()
      below = rest & 1 == 1 ? below | random : below & random
      rest &>>= 1
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
