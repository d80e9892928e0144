import Tensors

extension DropBlock {
  /// Draws the places where blocks start and clears the blocks, tile by tile; returns the number of kept elements.
  ///
  /// The mask of a sample's channel depends on the map's size and on the rate besides the stream, not on the other samples
  /// or the number of channels; a shared mask is that of channel 0.
  func fillMask(_ canvas: MaskCanvas, keepProbability: Double) -> Int {
    let shape = canvas.layout.shape
    if shape.count == 0 { return 0 }
    let rule = fittingRule(keepProbability: keepProbability, height: shape.h, width: shape.w)
    let painter = BlockPainter(
      layout: canvas.layout, rule: rule, isShared: isShared,
      sampler: SeedSampler(gamma: rule.gamma, places: rule.places), philox: canvas.philox)
    return canvas.paint { tile in
      GapScratch.lend { first in GapScratch.lend { painter.paint(tile, first: first, scratch: $0) } }
    }
  }
}

/// What all tiles of a mask share.
private struct BlockPainter {
  let layout: MaskLayout
  let rule: BlockRule
  /// Whether a block covers all channels.
  let isShared: Bool
  let sampler: SeedSampler
  let philox: Philox

  /// Writes the bits of one sample's block of channels and returns how many are kept.
  ///
  /// `first` and `scratch` are room to work in.
  func paint(_ tile: MaskCanvas.Tile, first: GapScratch, scratch: GapScratch) -> Int {
    let (bits, area, laneBytes) = (tile.bits, layout.shape.area, layout.channelBlock / 8)
    let all = MaskTile.channelBits(tile.channels)
    var seeded = drawFirst(tile, into: first)
    if seeded == 0 || rule.coversMap(layout.shape) {
      // Channels stay or go as a whole.
      let kept = isShared ? (seeded == 0 ? all : 0) : all & ~seeded
      bits.fill(MaskTile.repeating(kept, laneBytes: laneBytes))
      return kept.nonzeroBitCount * area
    }
    bits.fill(MaskTile.repeating(all, laneBytes: laneBytes))
    let startColumns = UInt32(rule.columns.count)
    let rowBytes = layout.shape.w * laneBytes
    var counter = tile.counter
    while seeded != 0 {
      let mask = seeded.trailingZeroBitCount
      seeded &= seeded &- 1
      let pattern = isShared ? 0 : MaskTile.repeating(~(1 << UInt16(mask)), laneBytes: laneBytes)
      counter[3] = UInt32(isShared ? 0 : tile.firstChannel + mask)
      sampler.forEachSeed(first: first.words[mask], scratch: scratch, philox: philox, counter: counter) { place in
        let (row, column) = UInt32(truncatingIfNeeded: place).quotientAndRemainder(dividingBy: startColumns)
        let (top, left) = (rule.rows.lowerBound &+ Int(row), rule.columns.lowerBound &+ Int(column))
        let rows = max(0, top)..<min(layout.shape.h, top &+ rule.height)
        let columns = max(0, left)..<min(layout.shape.w, left &+ rule.width)
        bits.intersect(
          pattern, offset: rows.lowerBound &* rowBytes &+ columns.lowerBound &* laneBytes,
          runBytes: columns.count &* laneBytes, rowBytes: rowBytes, height: rows.count)
      }
    }
    return bits.ones()
  }

  /// Draws the first words of each channel's mask; the result has a bit for every mask in which a block starts.
  @inline(__always)
  private func drawFirst(_ tile: MaskCanvas.Tile, into first: GapScratch) -> UInt16 {
    if isShared {
      first.words[0] = philox.block(tile.counter)
      return UInt64(first.words[0][0]) >= sampler.seedingWord ? 1 : 0
    }
    var seeded: UInt16 = 0
    for half in stride(from: 0, to: tile.channels, by: 8) {
      let words = philox.blocks(tile.counters(channelsFrom: tile.firstChannel &+ half))
      for lane in 0..<8 where words.0[lane] >= sampler.seedingWord {
        seeded |= 1 << UInt16(half &+ lane)
        first.words[half &+ lane] = SIMD4(
          UInt32(truncatingIfNeeded: words.0[lane]), UInt32(truncatingIfNeeded: words.1[lane]),
          UInt32(truncatingIfNeeded: words.2[lane]), UInt32(truncatingIfNeeded: words.3[lane]))
      }
    }
    return seeded & MaskTile.channelBits(tile.channels)
  }
}
