import Tensors

/// Masks that drop a channel of a sample, or a sample, as a whole: SpatialDropout and DropPath.
///
/// A unit is dropped where a 32-bit random number is below (1 - keepProbability) * 2^32, so the probability is exact to
/// 2^-33.
struct UnitMask {
  /// What is dropped as a whole.
  enum Unit: Hashable {
    case channel
    case sample
  }

  private let unit: Unit
  private let threshold: UInt64

  init(_ unit: Unit, keepProbability: Double) {
    self.unit = unit
    threshold = Self.threshold(keepProbability)
  }

  /// The probability with which units are really kept.
  static func keepProbability(nearest keepProbability: Double) -> Double {
    1 - Double(threshold(keepProbability)) * 0x1p-32
  }

  private static func threshold(_ keepProbability: Double) -> UInt64 {
    UInt64(((1 - keepProbability) * 0x1p32).rounded())
  }

  /// Fills the tiles and returns the number of kept elements.
  ///
  /// Four channels come from one counter; a sample has the first word of channel 0's.
  func fill(_ canvas: MaskCanvas) -> Int {
    let (area, laneBytes) = (canvas.layout.shape.area, canvas.layout.channelBlock / 8)
    return canvas.paint { tile in
      var kept: UInt16 = 0
      switch unit {
      case .sample:
        kept = UInt64(canvas.philox.block(tile.counter)[0]) >= threshold ? .max : 0
      case .channel:
        // A block of channels starts at a multiple of eight, and has at most sixteen: four of the eight counters.
        let words = canvas.philox.blocks(tile.counters(channelsFrom: tile.firstChannel / 4))
        let limit = SIMD8<UInt64>(repeating: threshold &- 1)
        // One less than the threshold minus a number is negative where the number is kept.
        let quads =
          ((limit &- words.0) &>> 63) | ((limit &- words.1) &>> 63) &<< 1 | ((limit &- words.2) &>> 63) &<< 2
          | ((limit &- words.3) &>> 63) &<< 3
        kept = UInt16(truncatingIfNeeded: (quads &<< SIMD8(0, 4, 8, 12, 16, 20, 24, 28)).wrappedSum())
      }
      kept &= MaskTile.channelBits(tile.channels)
      tile.bits.fill(MaskTile.repeating(kept, laneBytes: laneBytes))
      return kept.nonzeroBitCount * area
    }
  }
}
