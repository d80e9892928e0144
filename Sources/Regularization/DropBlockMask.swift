import Tensors

extension DropBlock {
  /// Writes the mask of one layer and step, and returns the number of kept elements.
  ///
  /// `words` gets the bits in the order of `MaskLayout(shape:channelBlock:)`; it needs `wordCount` words. Padded
  /// channels are 0 and not counted, so the count lies in 0...`shape.count`. A keep probability of 1 keeps everything
  /// and draws nothing.
  ///
  /// The mask of a sample's channel depends on the seed, stream and sample number of `stream`, on `step` and `layer`,
  /// on the map's size and on the rate; not on the channel block, the other samples, the number of channels or the
  /// number of threads. The work is shared among the threads of the pool.
  public func fillMask(
    _ words: UnsafeMutableBufferPointer<UInt16>, shape: Shape, channelBlock: Int, keepProbability: Double,
    stream: MaskStream, step: Int, layer: Int
  ) -> Int {
    let layout = MaskLayout(shape: shape, channelBlock: channelBlock)
    require(words.count >= layout.wordCount, "a mask of \(shape) has \(layout.wordCount) words, not \(words.count)")
    require(keepProbability >= 0 && keepProbability <= 1, "keep probability \(keepProbability) outside 0...1")
    guard shape.count > 0, let base = words.baseAddress else { return 0 }
    if layout.bitCount % 16 != 0 { words[layout.wordCount - 1] = 0 }

    let gamma = gamma(keepProbability: keepProbability, height: shape.h, width: shape.w)
    let painter = MaskPainter(
      layout: layout, block: blockSize(height: shape.h, width: shape.w), gamma: gamma,
      sampler: SeedSampler(gamma: gamma, places: startArea(height: shape.h, width: shape.w)), base: base,
      philox: stream.philox)
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: ThreadPool.threadCount) { counts in
      counts.initialize(repeating: 0)
      let kept = counts
      parallelRanges(shape.n * layout.channelBlocks) { tiles, thread in
        kept[thread] = GapScratch.lend { first in
          GapScratch.lend { scratch in
            tiles.reduce(0) { count, tile in
              let sample = tile / layout.channelBlocks
              let counter = stream.counter(step: step, layer: layer, sample: sample)
              return count
                + painter.paint(
                  tile: tile, channelBlock: tile % layout.channelBlocks, counter: counter, first: first,
                  scratch: scratch)
            }
          }
        }
      }
      return counts.reduce(0, +)
    }
  }
}

/// What all tiles of a mask share.
private struct MaskPainter {
  let layout: MaskLayout
  /// The clamped block size.
  let block: Int
  let gamma: Double
  let sampler: SeedSampler
  let base: UnsafeMutablePointer<UInt16>
  let philox: Philox

  /// Writes the bits of one sample's block of channels and returns how many are kept.
  ///
  /// `first` and `scratch` are room to work in.
  func paint(
    tile index: Int, channelBlock: Int, counter: SIMD4<UInt32>, first: GapScratch, scratch: GapScratch
  ) -> Int {
    let area = layout.shape.area
    let laneBytes = layout.channelBlock / 8
    let tileBytes = area * laneBytes
    let tile = MaskTile(base: UnsafeMutableRawPointer(base) + index * tileBytes, byteCount: tileBytes)
    let firstChannel = channelBlock * layout.channelBlock
    let channels = min(layout.channelBlock, layout.shape.c - firstChannel)
    if gamma >= 1 {
      tile.fill(0)
      return 0
    }
    tile.fill(MaskTile.repeating(UInt16(truncatingIfNeeded: (1 << channels) - 1), laneBytes: laneBytes))
    if gamma <= 0 { return area * channels }

    // The first words of all channels together: independent work without branches.
    var counter = counter
    for lane in 0..<channels {
      counter[3] = UInt32(firstChannel + lane)
      first.words[lane] = philox.block(counter)
    }
    sampler.fillGaps(first, blocks: channels)

    let startColumns = UInt32(layout.shape.w - block + 1)
    let rowBytes = layout.shape.w * laneBytes
    var anything = false
    for lane in 0..<channels {
      let pattern = MaskTile.repeating(~(1 << UInt16(lane)), laneBytes: laneBytes)
      counter[3] = UInt32(firstChannel + lane)
      sampler.forEachSeed(first: first.gaps + 4 * lane, scratch: scratch, philox: philox, counter: counter) { place in
        let (row, column) = UInt32(truncatingIfNeeded: place).quotientAndRemainder(dividingBy: startColumns)
        let offset = Int(row) &* rowBytes &+ Int(column) &* laneBytes
        tile.intersect(pattern, offset: offset, runBytes: block &* laneBytes, rowBytes: rowBytes, height: block)
        anything = true
      }
    }
    return anything ? tile.ones() : area * channels
  }
}
