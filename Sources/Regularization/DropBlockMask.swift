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
      layout: canvas.layout, rule: rule, isShared: isShared, coversMap: rule.coversMap(shape),
      sampler: SeedSampler(gamma: rule.gamma, places: rule.places), philox: canvas.philox)
    return canvas.paint { tile in
      FirstWords.lend { first in GapScratch.lend { painter.paint(tile, first: first, scratch: $0) } }
    }
  }
}

/// What all tiles of a mask share.
private struct BlockPainter {
  let layout: MaskLayout
  let rule: BlockRule
  /// Whether a block covers all channels.
  let isShared: Bool
  /// Whether any block drops the whole map.
  let coversMap: Bool
  let sampler: SeedSampler
  let philox: Philox

  /// Writes the bits of one sample's block of channels and returns how many are kept.
  ///
  /// `first` and `scratch` are room to work in.
  func paint(_ tile: MaskCanvas.Tile, first: FirstWords, scratch: GapScratch) -> Int {
    let (bits, area, laneBytes) = (tile.bits, layout.shape.area, layout.channelBlock / 8)
    let all = MaskTile.channelBits(tile.channels)
    var seeded = drawFirst(tile, into: first)
    if seeded == 0 || coversMap {
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
      sampler.forEachSeed(first: first[mask], scratch: scratch, philox: philox, counter: counter) { place in
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
  private func drawFirst(_ tile: MaskCanvas.Tile, into first: FirstWords) -> UInt16 {
    if isShared {
      let words = philox.block(tile.counter)
      first.store(words)
      return UInt64(words[0]) >= sampler.seedingWord ? 1 : 0
    }
    var seeded: UInt16 = 0
    for half in 0..<(tile.channels &+ 7) / 8 {
      let words = philox.blocks(tile.counters(channelsFrom: tile.firstChannel &+ 8 &* half))
      if !coversMap { first.store(words, half) }
      // One less than the seeding word minus a number is negative where the number is no less than the word.
      let signs = (SIMD8(repeating: sampler.seedingWord &- 1) &- words.0) &>> 63
      let bits = (signs &<< SIMD8(0, 1, 2, 3, 4, 5, 6, 7)).wrappedSum()
      seeded |= UInt16(truncatingIfNeeded: bits) &<< UInt16(8 &* half)
    }
    return seeded & MaskTile.channelBits(tile.channels)
  }
}

/// Room for the first four words of sixteen masks, as they come out of vector registers.
private struct FirstWords {
  private let words: UnsafeMutablePointer<SIMD8<UInt64>>

  /// Lends room on the stack.
  @inline(__always)
  static func lend<Result>(_ body: (FirstWords) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: SIMD8<UInt64>.self, capacity: 8) { body(FirstWords(words: $0.baseAddress!)) }
  }

  /// Keeps those of eight masks.
  @inline(__always)
  func store(_ blocks: Philox.Words8, _ half: Int) {
    words[4 &* half] = blocks.0
    words[4 &* half &+ 1] = blocks.1
    words[4 &* half &+ 2] = blocks.2
    words[4 &* half &+ 3] = blocks.3
  }

  /// Keeps those of the only mask.
  @inline(__always)
  func store(_ block: SIMD4<UInt32>) {
    for word in 0..<4 { UnsafeMutableRawPointer(words + word).storeBytes(of: UInt64(block[word]), as: UInt64.self) }
  }

  /// Those of a mask.
  @inline(__always)
  subscript(mask: Int) -> SIMD4<UInt32> {
    let base = UnsafeRawPointer(words + 4 &* (mask / 8)) + 8 &* (mask % 8)
    func word(_ index: Int) -> UInt32 {
      UInt32(truncatingIfNeeded: base.load(fromByteOffset: index &* MemoryLayout<SIMD8<UInt64>>.size, as: UInt64.self))
    }
    return SIMD4(word(0), word(1), word(2), word(3))
  }
}
