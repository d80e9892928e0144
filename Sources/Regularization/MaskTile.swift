/// The mask bits of one sample's block of channels: H x W lanes of 8 or 16 channels, row after row.
///
/// A block of one channel clears one bit in a run of neighbouring lanes, row by row. Runs are written in overlapping
/// words of 64 bits, which is harmless because clearing twice is clearing.
struct MaskTile {
  /// The first lane.
  let base: UnsafeMutableRawPointer
  /// Bytes of the tile.
  let byteCount: Int

  /// A word with the same 8- or 16-bit lane in every place.
  @inline(__always)
  static func repeating(_ lane: UInt16, laneBytes: Int) -> UInt64 {
    laneBytes == 1 ? UInt64(lane & 0xff) &* 0x0101_0101_0101_0101 : UInt64(lane) &* 0x0001_0001_0001_0001
  }

  /// Writes the pattern into every lane.
  @inline(__always)
  func fill(_ pattern: UInt64) {
    let whole = byteCount & ~7
    for offset in stride(from: 0, to: whole, by: 8) {
      base.storeBytes(of: pattern, toByteOffset: offset, as: UInt64.self)
    }
    withUnsafeBytes(of: pattern) { bytes in
      for offset in whole..<byteCount { base.storeBytes(of: bytes[offset - whole], toByteOffset: offset, as: UInt8.self) }
    }
  }

  /// The number of bits that are 1.
  @inline(__always)
  func ones() -> Int {
    let whole = byteCount & ~7
    var count = 0
    for offset in stride(from: 0, to: whole, by: 8) {
      count &+= base.loadUnaligned(fromByteOffset: offset, as: UInt64.self).nonzeroBitCount
    }
    for offset in whole..<byteCount { count &+= base.load(fromByteOffset: offset, as: UInt8.self).nonzeroBitCount }
    return count
  }

  /// Keeps only the pattern's bits in `height` runs of `runBytes` bytes that start `rowBytes` apart, from `offset`.
  @inline(__always)
  func intersect(_ pattern: UInt64, offset: Int, runBytes: Int, rowBytes: Int, height: Int) {
    var run = base + offset
    for _ in 0..<height {
      if runBytes >= 8 {
        Self.intersectOverlapping(run, runBytes, pattern)
      } else if runBytes >= 4 {
        Self.intersectOverlapping(run, runBytes, UInt32(truncatingIfNeeded: pattern))
      } else if runBytes >= 2 {
        Self.intersectOverlapping(run, runBytes, UInt16(truncatingIfNeeded: pattern))
      } else {
        Self.intersectOverlapping(run, runBytes, UInt8(truncatingIfNeeded: pattern))
      }
      run += rowBytes
    }
  }

  /// One run in words of `Word`, the last of which ends with the run.
  ///
  /// The last word is read before the others are written: a load that straddles a fresh store waits for the cache.
  @inline(__always)
  private static func intersectOverlapping<Word: FixedWidthInteger & BitwiseCopyable>(
    _ run: UnsafeMutableRawPointer, _ runBytes: Int, _ pattern: Word
  ) {
    let size = MemoryLayout<Word>.size
    let lastOffset = runBytes - size
    let last = run.loadUnaligned(fromByteOffset: lastOffset, as: Word.self) & pattern
    for offset in stride(from: 0, to: lastOffset, by: size) {
      let word = run.loadUnaligned(fromByteOffset: offset, as: Word.self)
      run.storeBytes(of: word & pattern, toByteOffset: offset, as: Word.self)
    }
    run.storeBytes(of: last, toByteOffset: lastOffset, as: Word.self)
  }
}
