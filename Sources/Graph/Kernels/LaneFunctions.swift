import CLanes

/// Elementary functions on sixteen lanes, within 3e-7 of the exact value.
///
/// The polynomials are fitted in Double for the least relative error and rounded to Float; what is left of it is below
/// a unit in the last place.
extension SIMD16<Float> {
  /// self * factor + term, rounded once.
  @inline(__always)
  private func times(_ factor: Self, plus term: Float) -> Self { Self(repeating: term).addingProduct(self, factor) }

  /// The exponential of lanes that are not positive.
  ///
  /// Below -87 it stays at exp(-87), about 1.6e-38. NaN gives NaN.
  @inline(__always)
  var exponentialOfNegative: Self {
    let x = replacing(with: -87, where: self .< -87)
    // x = n * ln 2 + r with |r| <= ln 2 / 2: adding 1.5 * 2^23 leaves n in the low bits of the sum.
    let shifted = x.times(Self(repeating: 1.442_695), plus: 0x1.8p23)
    let n = shifted - 0x1.8p23
    // ln 2 in two parts; the first is short, so that its products with n are exact.
    let r = x.addingProduct(n, -0x1.62e4p-1).addingProduct(n, -1.428_606_8e-6)
    let fraction = Self(repeating: 0.001_383_673_7)
      .times(r, plus: 0.008_374_899).times(r, plus: 0.041_668_233).times(r, plus: 0.166_664_2)
      .times(r, plus: 0.499_999_91).times(r, plus: 1).times(r, plus: 1)
    let exponent = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &<< 23
    return unsafeBitCast(unsafeBitCast(fraction, to: SIMD16<Int32>.self) &+ exponent, to: Self.self)
  }

  /// The logarithm of one plus each lane, for lanes in 0...1; NaN gives NaN.
  @inline(__always)
  var logarithmOfOnePlus: Self {
    // log(1 + t) / t around the middle of the range.
    let u = self - 0.5
    let quotient = Self(repeating: -0.003_243_981)
      .times(u, plus: 0.005_253_349).times(u, plus: -0.006_749_936_4).times(u, plus: 0.011_576_151)
      .times(u, plus: -0.020_570_291).times(u, plus: 0.036_635_473).times(u, plus: -0.067_687_698)
      .times(u, plus: 0.132_609_01).times(u, plus: -0.288_527_1).times(u, plus: 0.810_930_2)
    return self * quotient
  }

  /// The square root of each lane, rounded as IEEE 754 says.
  @inline(__always)
  var squareRoots: Self { shim_square_roots(self) }

  /// The size of each lane without its sign.
  @inline(__always)
  var magnitudes: Self { unsafeBitCast(unsafeBitCast(self, to: SIMD16<UInt32>.self) & 0x7fff_ffff, to: Self.self) }
}
