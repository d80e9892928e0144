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
        for quarter in 0..<4 {
          if words.0[quarter] >= threshold { kept |= 1 << UInt16(4 * quarter) }
          if words.1[quarter] >= threshold { kept |= 2 << UInt16(4 * quarter) }
          if words.2[quarter] >= threshold { kept |= 4 << UInt16(4 * quarter) }
          if words.3[quarter] >= threshold { kept |= 8 << UInt16(4 * quarter) }
        }
      }
      kept &= MaskTile.channelBits(tile.channels)
      tile.bits.fill(MaskTile.repeating(kept, laneBytes: laneBytes))
      return kept.nonzeroBitCount * area
    }
  }
}
