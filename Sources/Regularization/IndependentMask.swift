import Tensors

/// Masks whose units are dropped independently of each other, each with the same probability.
struct IndependentMask {
  /// What is dropped as a whole.
  enum Unit: Hashable {
    /// A single element: Dropout.
    case element
    /// A channel of a sample: SpatialDropout.
    case channel
    /// A sample: DropPath.
    case sample

    /// Binary digits of the probability: of elements there are many, each of which takes as many random bits.
    fileprivate var digits: Int {
      switch self {
      case .element: 16
      case .channel, .sample: 24
      }
    }
  }

  let unit: Unit
  let keepProbability: Double

  /// The probability with which units are really kept: within 2^-17 of what is asked for, or 2^-25.
  static func keepProbability(_ unit: Unit, nearest keepProbability: Double) -> Double {
    BernoulliBits.probability(nearest: keepProbability, digits: unit.digits)
  }

  /// Fills the mask and returns the number of kept elements.
  func fill(_ canvas: MaskCanvas) -> Int {
    let area = canvas.layout.shape.area
    return canvas.paint { segment in
      BernoulliBits.Room.lend { room in
        switch unit {
        case .element: return fillElements(segment, bits(segment, canvas, room), area: area)
        case .channel: return fillChannels(segment, bits(segment, canvas, room)) &* area
        case .sample:
          // All segments of a sample go by the first bit of its first one.
          var first = segment
          first.counter[3] = 0
          var bits = bits(first, canvas, room)
          if bits.next() & 1 == 0 {
            segment.bits.fill(0)
            return 0
          }
          segment.keepAll()
          return segment.channels &* area
        }
      }
    }
  }

  @inline(__always)
  private func bits(_ segment: MaskSegment, _ canvas: MaskCanvas, _ room: BernoulliBits.Room) -> BernoulliBits {
    BernoulliBits(keepProbability, digits: unit.digits, segment, canvas.philox, room)
  }

  /// Four lanes of sixteen channels take 64 bits; returns the number of kept elements.
  @inline(__always)
  private func fillElements(_ segment: MaskSegment, _ bits: BernoulliBits, area: Int) -> Int {
    var bits = bits
    let lanes = (segment.channels &+ 15) / 16 &* area
    for first in stride(from: 0, to: lanes, by: 4) {
      let drawn = bits.next()
      let count = min(4, lanes &- first)
      if segment.channelBlock == 8 {
        storeOctets(segment, drawn, first: first, count: count, area: area)
      } else if count == 4 {
        segment.bits.base.storeBytes(of: drawn, toByteOffset: 2 &* first, as: UInt64.self)
      } else {
        for lane in 0..<count {
          segment.bits.base.storeBytes(
            of: UInt16(truncatingIfNeeded: drawn &>> UInt64(16 &* lane)), toByteOffset: 2 &* (first &+ lane),
            as: UInt16.self)
        }
      }
    }
    segment.clearPadding()
    return segment.bits.ones()
  }

  /// Stores lanes of sixteen channels where tiles have eight: as two octets in two tiles.
  @inline(__always)
  private func storeOctets(_ segment: MaskSegment, _ drawn: UInt64, first: Int, count: Int, area: Int) {
    let base = segment.bits.base
    for lane in 0..<count {
      let (pair, pixel) = (first &+ lane).quotientAndRemainder(dividingBy: area)
      let (low, high) = (2 &* pair &* area &+ pixel, (2 &* pair &+ 1) &* area &+ pixel)
      let octets = drawn &>> UInt64(16 &* lane)
      base.storeBytes(of: UInt8(truncatingIfNeeded: octets), toByteOffset: low, as: UInt8.self)
      if high < segment.bits.byteCount {
        base.storeBytes(of: UInt8(truncatingIfNeeded: octets &>> 8), toByteOffset: high, as: UInt8.self)
      }
    }
  }

  /// Each channel takes one bit; returns the number of kept channels.
  @inline(__always)
  private func fillChannels(_ segment: MaskSegment, _ bits: BernoulliBits) -> Int {
    var (bits, drawn, left, kept) = (bits, 0 as UInt64, 0, 0)
    for tile in 0..<segment.tileCount {
      if left == 0 { (drawn, left) = (bits.next(), 64) }
      let lane = UInt16(truncatingIfNeeded: drawn) & segment.channelBits(tile: tile)
      drawn &>>= UInt64(segment.channelBlock)
      left &-= segment.channelBlock
      segment.tile(tile).fill(MaskBits.repeating(lane, laneBytes: segment.laneBytes))
      kept &+= lane.nonzeroBitCount
    }
    return kept
  }
}
