/// Sixteen floats side by side: one register of AVX-512, two of AVX2.
///
/// Kernels walk memory in groups of sixteen. With 8 channels a block a group covers two pixels, and per-channel values
/// are repeated twice; a plane of odd area then ends in half a group.
///
/// Comparisons and selections stay on Float lanes: the standard library's comparisons of integer vectors and its square
/// root compile to loops over single lanes.
typealias Lanes = SIMD16<Float>

/// How much of a group lies in memory.
enum GroupWidth {
  case whole
  /// The first eight floats; the other lanes read as zero and are not written.
  case half
}

extension UnsafePointer<Float> {
  /// The group that starts at an element; no alignment is assumed.
  @inline(__always)
  func lanes(_ element: Int, _ width: GroupWidth = .whole) -> Lanes {
    let address = UnsafeRawPointer(self + element)
    switch width {
    case .whole: return address.loadUnaligned(as: Lanes.self)
    case .half: return Lanes(lowHalf: address.loadUnaligned(as: SIMD8<Float>.self), highHalf: SIMD8())
    }
  }

  /// The values of a block of channels, repeated to fill a group.
  @inline(__always)
  func channelLanes(block: Int, of channelBlock: Int) -> Lanes {
    if channelBlock == 16 { return lanes(block * 16) }
    let half = UnsafeRawPointer(self + block * 8).loadUnaligned(as: SIMD8<Float>.self)
    return Lanes(lowHalf: half, highHalf: half)
  }
}

extension UnsafeMutablePointer<Float> {
  /// The group that starts at an element.
  @inline(__always)
  func lanes(_ element: Int, _ width: GroupWidth = .whole) -> Lanes { UnsafePointer(self).lanes(element, width) }

  /// Writes a group from an element on.
  @inline(__always)
  func store(_ lanes: Lanes, _ element: Int, _ width: GroupWidth = .whole) {
    let address = UnsafeMutableRawPointer(self + element)
    switch width {
    case .whole: address.storeBytes(of: lanes, as: Lanes.self)
    case .half: address.storeBytes(of: lanes.lowHalf, as: SIMD8<Float>.self)
    }
  }
}

// Swift 6.0's own comparisons with a scalar compile to loops over single lanes.
extension SIMD16<Float> {
  /// Where lanes are less than a number.
  @inline(__always)
  static func .< (lanes: Self, number: Float) -> SIMDMask<SIMD16<Int32>> { lanes .< Self(repeating: number) }

  /// Where lanes are at least a number.
  @inline(__always)
  static func .>= (lanes: Self, number: Float) -> SIMDMask<SIMD16<Int32>> { lanes .>= Self(repeating: number) }

  /// Where lanes are greater than a number.
  @inline(__always)
  static func .> (lanes: Self, number: Float) -> SIMDMask<SIMD16<Int32>> { lanes .> Self(repeating: number) }

  /// Where lanes are a number.
  @inline(__always)
  static func .== (lanes: Self, number: Float) -> SIMDMask<SIMD16<Int32>> { lanes .== Self(repeating: number) }

  /// Where lanes are other than a number.
  @inline(__always)
  static func .!= (lanes: Self, number: Float) -> SIMDMask<SIMD16<Int32>> { lanes .!= Self(repeating: number) }
}

extension SIMD16<Float> {
  /// The lanes where the mask holds, zero elsewhere.
  @inline(__always)
  func kept(where mask: SIMDMask<SIMD16<Int32>>) -> Self { Self().replacing(with: self, where: mask) }

  /// The larger of each lane and zero; NaN stays NaN.
  @inline(__always)
  var rectified: Self { replacing(with: 0, where: self .< 0) }
}

/// Runs `body` on the groups of a range of elements, in order; the range holds a multiple of eight.
///
/// A body that is not small must be a local function that is always inlined: as a closure it would be called for each
/// group.
@inline(__always)
func forEachGroup(in elements: Range<Int>, _ body: (_ element: Int, _ width: GroupWidth) -> Void) {
  let whole = elements.upperBound &- (elements.count & 15)
  var element = elements.lowerBound
  while element < whole {
    body(element, .whole)
    element &+= 16
  }
  if whole < elements.upperBound { body(whole, .half) }
}

/// Sixteen sums in Double.
struct DoubleLanes {
  var low = SIMD8<Double>()
  var high = SIMD8<Double>()

  /// Adds a group.
  @inline(__always)
  mutating func add(_ lanes: Lanes) {
    low += SIMD8<Double>(lanes.lowHalf)
    high += SIMD8<Double>(lanes.highHalf)
  }

  /// The sum of all lanes, in lane order.
  var total: Double {
    var total = 0.0
    for lane in 0..<8 { total += low[lane] }
    for lane in 0..<8 { total += high[lane] }
    return total
  }
}
