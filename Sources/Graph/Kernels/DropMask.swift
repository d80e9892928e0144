/// The kept elements of a regulariser's site, as bits, and the factor that restores their mean.
///
/// Bit i belongs to element i of the blocked tensor in memory order: bit i % 16 of word i / 16, a word a pixel with 16
/// channels a block. Set means kept.
///
/// No mask is a value of the same type: Swift 6.0 calls a function for each use of an optional structure.
struct DropMask {
  /// One bit an element, or nil where everything is kept.
  private let words: UnsafePointer<UInt16>?
  /// What kept elements are multiplied with, not negative.
  let factor: Float

  init(words: UnsafePointer<UInt16>, factor: Float) { (self.words, self.factor) = (words, factor) }

  private init() { (words, factor) = (nil, 1) }

  /// The mask that keeps every element as it is.
  static var none: DropMask { DropMask() }

  /// Whether every element stays as it is.
  var isNone: Bool { words == nil }

  /// The bit of each lane; computed, because a stored constant would be asked for its initialisation at every use.
  @inline(__always)
  private static var laneBits: SIMD16<UInt32> {
    SIMD16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)
  }

  /// The group at an element with zeros where elements are dropped, not yet multiplied with `factor`.
  ///
  /// A plane of odd area with 8 channels a block starts in the middle of a word, so bits are fetched by byte. They are
  /// compared as mantissa bits of 1.0, because only Float comparisons compile to one instruction.
  @inline(__always)
  func masked(_ lanes: Lanes, _ element: Int, _ width: GroupWidth) -> Lanes {
    guard let words else { return lanes }
    let address = UnsafeRawPointer(words) + element / 8
    let bits =
      switch width {
      case .whole: UInt32(address.loadUnaligned(as: UInt16.self))
      case .half: UInt32(address.load(as: UInt8.self))
      }
    let marked = (SIMD16(repeating: bits) & Self.laneBits) | 0x3f80_0000
    return lanes.kept(where: unsafeBitCast(marked, to: Lanes.self) .!= 1)
  }
}
