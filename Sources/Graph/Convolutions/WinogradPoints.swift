/// The one-dimensional transforms of Winograd's convolutions with kernels of three.
///
/// A tile of 4 results needs the products at six points: 0, a, -a, b, infinity and -b; a tile of 3 does without -b. A kernel
/// at a point is the value of its polynomial there, whatever the other points are: one transformed weight serves tiles of 4
/// and of 3, for the denominators of the interpolation stand in the transform of the input. With a = 2/3 and b = 3/2 the error
/// of floats is the least of the pairs that were tried: 1.4e-6 at 256 channels, where the usual 1 and 2 have 3.3e-6.
///
/// The gradient of the weight is the same bilinear form seen from another side: the products of the input's transform and of
/// the gradient's, summed over tiles, and the transform of the weight turned round.
///
/// Source: the Toom-Cook construction, as in Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016.
enum WinogradPoints {
  /// Points of the largest tile.
  static let count = 6
  /// The point that only tiles of 4 have.
  static let last = 5

  @inline(__always) private static var a: Float { 2 / 3 }
  @inline(__always) private static var b: Float { 3 / 2 }
  @inline(__always) private static var aSquared: Float { a * a }
  @inline(__always) private static var bSquared: Float { b * b }
  @inline(__always) private static var sumOfSquares: Float { aSquared + bSquared }
  @inline(__always) private static var productOfSquares: Float { aSquared * bSquared }

  /// Points of a tile of 3 or 4 results, which are also the inputs that it reads.
  @inline(__always)
  static func count(ofTile size: Int) -> Int { size + 2 }

  /// The inputs of a tile of `size` results as values at its points.
  @inline(__always)
  static func input(_ size: Int, _ d: (Int) -> Lanes, _ store: (Int, Lanes) -> Void) {
    let (d1, d2, d3) = (d(1), d(2), d(3))
    if size == 4 {
      let (d0, d4, d5) = (d(0), d(4), d(5))
      store(0, (d4 + d0 * productOfSquares - d2 * sumOfSquares) * (1 / productOfSquares))
      pair(
        1, 2, even: d4 - d2 * bSquared, odd: (d3 - d1 * bSquared) * a,
        factor: 1 / (2 * aSquared * (aSquared - bSquared)), store)
      pair(
        3, last, even: d4 - d2 * aSquared, odd: (d3 - d1 * aSquared) * b,
        factor: 1 / (2 * bSquared * (bSquared - aSquared)), store)
      store(4, d5 + d1 * productOfSquares - d3 * sumOfSquares)
    } else {
      let (d0, d4) = (d(0), d(4))
      store(0, (d3 - d2 * b - d1 * aSquared) * (1 / (aSquared * b)) + d0)
      store(1, (d3 + d2 * (a - b) - d1 * (a * b)) * (1 / (2 * aSquared * (a - b))))
      store(2, (d3 - d2 * (a + b) + d1 * (a * b)) * (-1 / (2 * aSquared * (a + b))))
      store(3, (d3 - d1 * aSquared) * (1 / (b * (bSquared - aSquared))))
      store(4, d4 - d3 * b - d2 * aSquared + d1 * (aSquared * b))
    }
  }

  /// The values at a point and its opposite: (even + odd) and (even - odd), times a factor.
  @inline(__always)
  private static func pair(
    _ point: Int, _ opposite: Int, even: Lanes, odd: Lanes, factor: Float, _ store: (Int, Lanes) -> Void
  ) {
    store(point, (even + odd) * factor)
    store(opposite, (even - odd) * factor)
  }

  /// The results of a tile from the products at its points.
  @inline(__always)
  static func output(_ size: Int, _ m: (Int) -> Lanes, _ store: (Int, Lanes) -> Void) {
    let (m0, positive, negative, third, infinity) = (m(0), m(1), m(2), m(3), m(4))
    let (sum, difference) = (positive + negative, (positive - negative) * a)
    if size == 4 {
      let fourth = m(last)
      let (otherSum, otherDifference) = (third + fourth, (third - fourth) * b)
      store(0, m0 + sum + otherSum)
      store(1, difference + otherDifference)
      store(2, sum * aSquared + otherSum * bSquared)
      store(3, difference * aSquared + otherDifference * bSquared + infinity)
    } else {
      store(0, m0 + sum + third)
      store(1, difference + third * b)
      store(2, sum * aSquared + third * bSquared + infinity)
    }
  }

  /// The gradients of a tile's results as values at its points.
  @inline(__always)
  static func gradient(_ size: Int, _ e: (Int) -> Lanes, _ store: (Int, Lanes) -> Void) {
    let (e0, e1, e2) = (e(0), e(1), e(2))
    store(0, e0)
    if size == 4 {
      let e3 = e(3)
      pair(1, 2, even: e0 + e2 * aSquared, odd: (e1 + e3 * aSquared) * a, factor: 1, store)
      pair(3, last, even: e0 + e2 * bSquared, odd: (e1 + e3 * bSquared) * b, factor: 1, store)
      store(4, e3)
    } else {
      pair(1, 2, even: e0 + e2 * aSquared, odd: e1 * a, factor: 1, store)
      store(3, e0 + e1 * b + e2 * bSquared)
      store(4, e2)
    }
  }

  /// A kernel as values at the six points.
  @inline(__always)
  static func weight(_ g: (Int) -> Lanes, _ store: (Int, Lanes) -> Void) {
    let (g0, g1, g2) = (g(0), g(1), g(2))
    store(0, g0)
    pair(1, 2, even: g0 + g2 * aSquared, odd: g1 * a, factor: 1, store)
    pair(3, last, even: g0 + g2 * bSquared, odd: g1 * b, factor: 1, store)
    store(4, g2)
  }

  /// The gradient of a kernel from those of its values at the six points.
  @inline(__always)
  static func weightGradient(_ u: (Int) -> Lanes, _ store: (Int, Lanes) -> Void) {
    let (sum, difference) = (u(1) + u(2), u(1) - u(2))
    let (otherSum, otherDifference) = (u(3) + u(last), u(3) - u(last))
    store(0, u(0) + sum + otherSum)
    store(1, difference * a + otherDifference * b)
    store(2, sum * aSquared + otherSum * bSquared + u(4))
  }
}
