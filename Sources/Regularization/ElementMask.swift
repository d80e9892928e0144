import Tensors

/// Masks that drop single elements: Dropout.
///
/// An element is dropped where a 16-bit random number is below (1 - keepProbability) * 2^16, so the probability is a
/// multiple of 2^-16, at most 2^-17 away from what is asked for; the factor goes by the probability that is really used.
/// A counter of Philox gives the numbers of eight channels of a pixel, and eight counters are drawn side by side.
struct ElementMask {
  /// Numbers below it drop, 0...2^16.
  private let threshold: UInt64

  init(keepProbability: Double) { threshold = Self.threshold(keepProbability) }

  /// The probability with which elements are really kept.
  static func keepProbability(nearest keepProbability: Double) -> Double {
    1 - Double(threshold(keepProbability)) * 0x1p-16
  }

  private static func threshold(_ keepProbability: Double) -> UInt64 {
    UInt64(((1 - keepProbability) * 0x1p16).rounded())
  }

  /// Fills the tiles and returns the number of kept elements.
  func fill(_ canvas: MaskCanvas) -> Int {
    let (area, laneBytes) = (canvas.layout.shape.area, canvas.layout.channelBlock / 8)
    return canvas.paint { tile in
      let channels = SIMD8<UInt64>(repeating: UInt64(MaskTile.channelBits(tile.channels)))
      let octet = tile.firstChannel / 8
      for first in stride(from: 0, to: area, by: 8) {
        let count = min(8, area &- first)
        // Of at most four pixels, both halves of sixteen channels fit side by side.
        let isNarrow = laneBytes == 2 && count <= 4
        var lanes = keptOctets(
          canvas.philox.blocks(tile.counters(drawsFrom: first, channel: octet, inHalves: isNarrow)))
        if isNarrow {
          lanes = SIMD8(lowHalf: lanes.lowHalf | lanes.highHalf &<< 8, highHalf: SIMD4())
        } else if laneBytes == 2 {
          lanes |=
            keptOctets(canvas.philox.blocks(tile.counters(drawsFrom: first, channel: octet &+ 1, inHalves: false)))
            &<< 8
        }
        lanes &= channels
        let base = tile.bits.base + first &* laneBytes
        if laneBytes == 2 {
          for lane in 0..<count {
            base.storeBytes(of: UInt16(truncatingIfNeeded: lanes[lane]), toByteOffset: 2 &* lane, as: UInt16.self)
          }
        } else {
          for lane in 0..<count {
            base.storeBytes(of: UInt8(truncatingIfNeeded: lanes[lane]), toByteOffset: lane, as: UInt8.self)
          }
        }
      }
      return tile.bits.ones()
    }
  }

  /// The kept channels of eight pixels, as the low eight bits of each lane.
  @inline(__always)
  private func keptOctets(_ words: Philox.Words8) -> SIMD8<UInt64> {
    // One less than the threshold minus the number is negative where the number is kept: every high bit is then set.
    let limit = SIMD8<UInt64>(repeating: threshold &- 1)
    var kept = SIMD8<UInt64>()
    @inline(__always)
    func take(_ word: SIMD8<UInt64>, _ channel: UInt64) {
      kept |= (limit &- (word & 0xffff)) & SIMD8(repeating: 1 << (32 &+ channel))
      kept |= (limit &- (word &>> 16)) & SIMD8(repeating: 1 << (33 &+ channel))
    }
    take(words.0, 0)
    take(words.1, 2)
    take(words.2, 4)
    take(words.3, 6)
    return kept &>> 32
  }
}
