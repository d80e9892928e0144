import Tensors

extension DropBlock {
  /// The probability from which on blocks of one element are drawn as bits: a number a block would cost more.
  private static let denseGamma = 0.125

  /// Draws the places where blocks start and clears the blocks, segment by segment; returns the number of kept elements.
  ///
  /// The places of a segment's channels form one sequence, channel after channel, so a mask depends on the map's size and
  /// on the rate besides the stream, but not on the other samples or on channels behind it. A shared mask is that of
  /// channel 0.
  func fillMask(_ canvas: MaskCanvas, keepProbability: Double) -> Int {
    let shape = canvas.layout.shape
    if shape.count == 0 { return 0 }
    let rule = fittingRule(keepProbability: keepProbability, height: shape.h, width: shape.w)
    if rule.coversMap(shape) {
      let whole = IndependentMask(unit: isShared ? .sample : .channel, keepProbability: 1 - rule.gamma)
      return whole.fill(canvas)
    }
    if rule.isOfElements(shape) && !isShared && rule.gamma >= Self.denseGamma {
      return IndependentMask(unit: .element, keepProbability: 1 - rule.gamma).fill(canvas)
    }
    let painter = BlockPainter(
      shape: shape, rule: rule, isShared: isShared, sampler: SeedSampler(gamma: rule.gamma), philox: canvas.philox)
    return canvas.paint { segment in GapScratch.lend { painter.paint(segment, scratch: $0) } }
  }
}

/// What all segments of a mask share.
private struct BlockPainter {
  let shape: Shape
  let rule: BlockRule
  /// Whether a block covers all channels.
  let isShared: Bool
  let sampler: SeedSampler
  let philox: Philox

  /// Writes the bits of a segment and returns how many are kept; `scratch` is room to work in.
  func paint(_ segment: MaskSegment, scratch: GapScratch) -> Int {
    segment.keepAll()
    let (places, startColumns) = (UInt32(rule.places), UInt32(rule.columns.count))
    if isShared {
      var sequence = segment
      sequence.counter[3] = 0
      sampler.forEachSeed(of: rule.places, in: sequence, philox: philox, scratch: scratch) { place in
        let (row, column) = UInt32(truncatingIfNeeded: place).quotientAndRemainder(dividingBy: startColumns)
        for tile in 0..<segment.tileCount { clear(segment, tile, 0, row: row, column: column) }
      }
    } else {
      sampler.forEachSeed(of: segment.channels &* rule.places, in: segment, philox: philox, scratch: scratch) {
        let (channel, place) = UInt32(truncatingIfNeeded: $0).quotientAndRemainder(dividingBy: places)
        let (row, column) = place.quotientAndRemainder(dividingBy: startColumns)
        let (tile, lane) = Int(channel).quotientAndRemainder(dividingBy: segment.channelBlock)
        let pattern = MaskBits.repeating(~(1 &<< UInt16(lane)), laneBytes: segment.laneBytes)
        clear(segment, tile, pattern, row: row, column: column)
      }
    }
    return segment.bits.ones()
  }

  /// Keeps only the pattern's bits in the block of a tile that starts at a row and a column of the places.
  @inline(__always)
  private func clear(_ segment: MaskSegment, _ tile: Int, _ pattern: UInt64, row: UInt32, column: UInt32) {
    let (top, left) = (rule.rows.lowerBound &+ Int(row), rule.columns.lowerBound &+ Int(column))
    let rows = max(0, top)..<min(shape.h, top &+ rule.height)
    let columns = max(0, left)..<min(shape.w, left &+ rule.width)
    let laneBytes = segment.laneBytes
    let rowBytes = shape.w &* laneBytes
    segment.tile(tile).intersect(
      pattern, offset: rows.lowerBound &* rowBytes &+ columns.lowerBound &* laneBytes,
      runBytes: columns.count &* laneBytes, rowBytes: rowBytes, height: rows.count)
  }
}
