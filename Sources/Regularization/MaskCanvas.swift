import Tensors

/// The memory of one mask, cut into the tiles that threads fill, with the random numbers that belong to each.
struct MaskCanvas {
  let layout: MaskLayout
  let philox: Philox
  private let stream: MaskStream
  private let step: Int
  private let layer: Int
  private let base: UnsafeMutablePointer<UInt16>?

  /// The memory of a mask; traps where it is too small.
  init(
    _ words: UnsafeMutableBufferPointer<UInt16>, layout: MaskLayout, stream: MaskStream, step: Int, layer: Int
  ) {
    require(
      words.count >= layout.wordCount,
      "a mask of \(layout.shape) has \(layout.wordCount) words, not \(words.count)")
    (self.layout, self.stream, self.step, self.layer) = (layout, stream, step, layer)
    (philox, base) = (stream.philox, words.baseAddress)
    if layout.bitCount % 16 != 0 { words[layout.wordCount - 1] = 0 }
  }

  /// A tile to fill: a block of channels of one sample.
  struct Tile {
    let bits: MaskTile
    /// The first of its channels.
    let firstChannel: Int
    /// Its channels without padding.
    let channels: Int
    /// The counter of the sample's first draws, with channel 0.
    let counter: SIMD4<UInt32>

    /// The counters of eight channels, or of what else is numbered there, from one on.
    @inline(__always)
    func counters(channelsFrom first: Int) -> Philox.Words8 {
      (
        SIMD8(repeating: UInt64(counter[0])), SIMD8(repeating: UInt64(counter[1])),
        SIMD8(repeating: UInt64(counter[2])), SIMD8(0, 1, 2, 3, 4, 5, 6, 7) &+ UInt64(first)
      )
    }

    /// The counters of eight draws in a row of one channel, or of what else is numbered there; in halves those of four
    /// draws of it and of the next one.
    @inline(__always)
    func counters(drawsFrom first: Int, channel: Int, inHalves: Bool) -> Philox.Words8 {
      let draws: SIMD8<UInt64> = inHalves ? SIMD8(0, 1, 2, 3, 0, 1, 2, 3) : SIMD8(0, 1, 2, 3, 4, 5, 6, 7)
      let channels: SIMD8<UInt64> = inHalves ? SIMD8(0, 0, 0, 0, 1, 1, 1, 1) : SIMD8()
      return (
        draws &+ (UInt64(counter[0]) &+ UInt64(first)), SIMD8(repeating: UInt64(counter[1])),
        SIMD8(repeating: UInt64(counter[2])), channels &+ UInt64(channel)
      )
    }
  }

  /// Calls `paint` for every tile and returns the sum of what it returns, the numbers of kept elements.
  ///
  /// The tiles are shared among the threads of the pool; none is anybody else's.
  func paint(_ paint: (Tile) -> Int) -> Int {
    guard layout.shape.count > 0, let base else { return 0 }
    let tileBytes = layout.shape.area * layout.channelBlock / 8
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: ThreadPool.threadCount) { counts in
      counts.initialize(repeating: 0)
      let kept = counts
      parallelRanges(layout.shape.n * layout.channelBlocks) { tiles, thread in
        var (sample, block) = tiles.lowerBound.quotientAndRemainder(dividingBy: layout.channelBlocks)
        var counter = stream.counter(step: step, layer: layer, sample: sample)
        var count = 0
        for index in tiles {
          if block == layout.channelBlocks {
            (sample, block) = (sample &+ 1, 0)
            counter = stream.counter(step: step, layer: layer, sample: sample)
          }
          let firstChannel = block &* layout.channelBlock
          count &+= paint(
            Tile(
              bits: MaskTile(base: UnsafeMutableRawPointer(base) + index &* tileBytes, byteCount: tileBytes),
              firstChannel: firstChannel, channels: min(layout.channelBlock, layout.shape.c &- firstChannel),
              counter: counter))
          block &+= 1
        }
        kept[thread] = count
      }
      return counts.reduce(0, +)
    }
  }
}
