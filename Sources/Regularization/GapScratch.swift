/// Room for some blocks of random words and the gaps made of them; nothing is in it at first.
struct GapScratch {
  /// Blocks of four words that fit: one for each channel of a tile.
  static let blocks = 16
  let words: UnsafeMutablePointer<SIMD4<UInt32>>
  let gaps: UnsafeMutablePointer<Double>

  /// Lends room on the stack.
  @inline(__always)
  static func lend<Result>(_ body: (GapScratch) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: SIMD4<UInt32>.self, capacity: blocks) { words in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 4 * blocks) { gaps in
        body(GapScratch(words: words.baseAddress!, gaps: gaps.baseAddress!))
      }
    }
  }
}
