import Tensors

/// The part of a mask that one sequence of random numbers fills: neighbouring channels of one sample.
///
/// It is a run of tiles, each of them the lanes of 8 or 16 channels, one lane a pixel, row after row.
struct MaskSegment {
  /// Channels, without padding.
  let channels: Int
  /// The counter of the first draw: draw, step, layer and sample, first channel.
  var counter: SIMD4<UInt32>
  /// Channels of a tile, 8 or 16.
  let channelBlock: Int
  /// Bytes of a tile.
  let tileBytes: Int
  /// All tiles, side by side.
  let bits: MaskBits

  init(base: UnsafeMutableRawPointer, area: Int, channelBlock: Int, channels: Int, counter: SIMD4<UInt32>) {
    (self.channels, self.counter, self.channelBlock) = (channels, counter, channelBlock)
    tileBytes = area &* channelBlock / 8
    bits = MaskBits(base: base, byteCount: (channels &+ channelBlock &- 1) / channelBlock &* tileBytes)
  }

  /// Bytes of a lane.
  var laneBytes: Int { channelBlock / 8 }

  /// Tiles of the segment.
  var tileCount: Int { (channels &+ channelBlock &- 1) / channelBlock }

  /// A tile of the segment.
  @inline(__always)
  func tile(_ index: Int) -> MaskBits { MaskBits(base: bits.base + index &* tileBytes, byteCount: tileBytes) }

  /// The bits of the real channels in each lane of a tile.
  @inline(__always)
  func channelBits(tile: Int) -> UInt16 {
    MaskBits.channelBits(min(channelBlock, channels &- tile &* channelBlock))
  }

  /// Keeps every element: 1 for real channels and 0 for padded ones.
  @inline(__always)
  func keepAll() {
    bits.fill(.max)
    clearPadding()
  }

  /// Clears the padded channels, which only the last tile can have.
  @inline(__always)
  func clearPadding() {
    let last = channels / channelBlock
    if last &* channelBlock == channels { return }
    let pattern = MaskBits.repeating(channelBits(tile: last), laneBytes: laneBytes)
    tile(last).intersect(pattern, offset: 0, runBytes: tileBytes, rowBytes: 0, height: 1)
  }

  /// The counters of eight draws in a row.
  @inline(__always)
  func counters(drawsFrom first: Int) -> Philox.Words8 {
    (
      SIMD8(0, 1, 2, 3, 4, 5, 6, 7) &+ (UInt64(counter[0]) &+ UInt64(first)), SIMD8(repeating: UInt64(counter[1])),
      SIMD8(repeating: UInt64(counter[2])), SIMD8(repeating: UInt64(counter[3]))
    )
  }
}
