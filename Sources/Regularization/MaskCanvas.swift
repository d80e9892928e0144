import Tensors

/// The memory of one mask, cut into the segments that threads fill, with the random numbers that belong to each.
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

  /// Channels that one segment has on maps of this many pixels: a multiple of 16 in 16...256, for about 8192 elements.
  ///
  /// A sequence of random numbers belongs to a segment, so this is part of what the masks of a seed are. Small maps need
  /// many channels to use up the numbers that are drawn at a time; large ones must leave enough segments for the threads.
  static func segmentChannels(area: Int) -> Int { max(16, min(256, 8192 / max(1, area) & ~15)) }

  /// Calls `paint` for every segment and returns the sum of what it returns, the numbers of kept elements.
  ///
  /// The segments are shared among the threads of the pool; none is anybody else's.
  func paint(_ paint: (MaskSegment) -> Int) -> Int {
    let shape = layout.shape
    guard shape.count > 0, let base else { return 0 }
    let channels = Self.segmentChannels(area: shape.area)
    let segments = (shape.c + channels - 1) / channels
    let tileBytes = shape.area * layout.channelBlock / 8
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: ThreadPool.threadCount) { counts in
      counts.initialize(repeating: 0)
      let kept = counts
      parallelRanges(shape.n * segments) { range, thread in
        var count = 0
        for index in range {
          let (sample, segment) = index.quotientAndRemainder(dividingBy: segments)
          let firstTile = sample &* layout.channelBlocks &+ segment &* (channels / layout.channelBlock)
          var counter = stream.counter(step: step, layer: layer, sample: sample)
          counter[3] = UInt32(truncatingIfNeeded: segment &* channels)
          count &+= paint(
            MaskSegment(
              base: UnsafeMutableRawPointer(base) + firstTile &* tileBytes, area: shape.area,
              channelBlock: layout.channelBlock, channels: min(channels, shape.c &- segment &* channels),
              counter: counter))
        }
        kept[thread] = count
      }
      return counts.reduce(0, +)
    }
  }
}
