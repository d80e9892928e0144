/// Mask bits that lie side by side: lanes of 8 or 16 channels, a lane for each pixel.
///
/// A block of one channel clears one bit in a run of neighbouring lanes, row by row. Runs are written in overlapping
/// words of 64 bits, which is harmless because clearing twice is clearing.
struct MaskBits {
  /// The first lane.
  let base: UnsafeMutableRawPointer
  /// Bytes of the lanes.
  let byteCount: Int

  /// A word with the same 8- or 16-bit lane in every place.
  @inline(__always)
  static func repeating(_ lane: UInt16, laneBytes: Int) -> UInt64 {
    laneBytes == 1 ? UInt64(lane & 0xff) &* 0x0101_0101_0101_0101 : UInt64(lane) &* 0x0001_0001_0001_0001
  }

  /// A lane with the bits of this many channels, 1...16.
  @inline(__always)
  static func channelBits(_ channels: Int) -> UInt16 { UInt16(truncatingIfNeeded: (1 << channels) - 1) }

  /// Writes the pattern into every lane.
  @inline(__always)
  func fill(_ pattern: UInt64) {
    for word in 0..<byteCount >> 3 { base.storeBytes(of: pattern, toByteOffset: word << 3, as: UInt64.self) }
    var offset = byteCount & ~7
    if byteCount & 4 != 0 {
      base.storeBytes(of: UInt32(truncatingIfNeeded: pattern), toByteOffset: offset, as: UInt32.self)
      offset &+= 4
    }
    if byteCount & 2 != 0 {
      base.storeBytes(of: UInt16(truncatingIfNeeded: pattern), toByteOffset: offset, as: UInt16.self)
      offset &+= 2
    }
    if byteCount & 1 != 0 {
      base.storeBytes(of: UInt8(truncatingIfNeeded: pattern), toByteOffset: offset, as: UInt8.self)
    }
  }

  /// The number of bits that are 1.
  @inline(__always)
  func ones() -> Int {
    let whole = byteCount & ~7
    var count = 0
    for word in 0..<byteCount >> 3 {
      count &+= base.loadUnaligned(fromByteOffset: word << 3, as: UInt64.self).nonzeroBitCount
    }
    for offset in whole..<byteCount { count &+= base.load(fromByteOffset: offset, as: UInt8.self).nonzeroBitCount }
    return count
  }

  /// Keeps only the pattern's bits in `height` runs of `runBytes` bytes that start `rowBytes` apart, from `offset`.
  @inline(__always)
  func intersect(_ pattern: UInt64, offset: Int, runBytes: Int, rowBytes: Int, height: Int) {
    let first = base + offset
    switch runBytes {
    case 8...: Self.intersect(first, pattern, runBytes, rowBytes, height)
    case 4...: Self.intersect(first, UInt32(truncatingIfNeeded: pattern), runBytes, rowBytes, height)
    case 2...: Self.intersect(first, UInt16(truncatingIfNeeded: pattern), runBytes, rowBytes, height)
    default: Self.intersect(first, UInt8(truncatingIfNeeded: pattern), runBytes, rowBytes, height)
    }
  }

  /// The runs in words of `Word`, of which the last ends with the run.
  ///
  /// The last word is read before the others are written: a load that straddles a fresh store waits for the cache.
  @inline(__always)
  private static func intersect<Word: FixedWidthInteger & BitwiseCopyable>(
    _ first: UnsafeMutableRawPointer, _ pattern: Word, _ runBytes: Int, _ rowBytes: Int, _ height: Int
  ) {
    let size = MemoryLayout<Word>.size
    let lastOffset = runBytes &- size
    let wordsBefore = (lastOffset &+ size &- 1) / size
    var run = first
    for _ in 0..<height {
      let last = run.loadUnaligned(fromByteOffset: lastOffset, as: Word.self) & pattern
      for index in 0..<wordsBefore {
        let word = run.loadUnaligned(fromByteOffset: index &* size, as: Word.self)
        run.storeBytes(of: word & pattern, toByteOffset: index &* size, as: Word.self)
      }
      run.storeBytes(of: last, toByteOffset: lastOffset, as: Word.self)
      run += rowBytes
    }
  }
}
