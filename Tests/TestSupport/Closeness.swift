import Tensors

/// How far a computed array is from the expected one, with the worst element.
///
/// Use it as `let closeness = Closeness(of: actual, to: expected); #expect(closeness.relativeL2 < 1e-5, "\(closeness)")`.
public struct Closeness: CustomStringConvertible, Sendable {
  /// The L2 norm of the difference over the L2 norm of the finite expected elements, in Double.
  ///
  /// Where the expected array is all zero it is the norm of the difference itself. NaN when any difference is, so that no
  /// comparison passes.
  public let relativeL2: Double
  /// The largest absolute difference.
  public let maximumDifference: Double
  /// The largest difference in units in the last place of the expected element.
  public let maximumUlps: Double
  /// The index of the largest absolute difference, nil for empty arrays.
  public let worstIndex: Int?
  /// The two elements at `worstIndex`.
  public let worstPair: (actual: Float, expected: Float)?
  /// Elements compared.
  public let count: Int

  /// Compares two arrays of the same length; it traps when the lengths differ.
  public init(of actual: [Float], to expected: [Float]) {
    require(actual.count == expected.count, "\(actual.count) elements cannot be compared with \(expected.count)")
    var squaredDifference = 0.0
    var squaredExpected = 0.0
    var largest = -1.0
    var largestUlps = 0.0
    var worst: Int?
    for index in actual.indices {
      // Two equal infinities differ by nothing, though their difference is not a number.
      let equal = actual[index] == expected[index]
      let difference = equal ? 0 : abs(Double(actual[index]) - Double(expected[index]))
      squaredDifference += difference * difference
      let ulps = equal ? 0 : difference / Double(expected[index].ulp)
      if ulps.isNaN || ulps > largestUlps { largestUlps = ulps }
      if largest.isNaN { continue }
      if difference.isNaN || difference > largest { (largest, worst) = (difference, index) }
    }
    for element in expected where element.isFinite { squaredExpected += Double(element) * Double(element) }
    relativeL2 = (squaredExpected == 0 ? squaredDifference : squaredDifference / squaredExpected).squareRoot()
    maximumDifference = max(largest, 0)
    maximumUlps = largestUlps
    worstIndex = worst
    worstPair = worst.map { (actual[$0], expected[$0]) }
    count = actual.count
  }

  /// All of it in one sentence.
  public var description: String {
    guard let worstIndex, let worstPair else { return "no elements" }
    return "relative L2 \(relativeL2) over \(count) elements; the worst at [\(worstIndex)]: got \(worstPair.actual), "
      + "expected \(worstPair.expected) (off by \(maximumDifference); at most \(maximumUlps) ulp anywhere)"
  }
}

/// The place of a flat row-major index in a shape, for messages: `[1, 3, 0, 7]`.
public func coordinates(of index: Int, in shape: [Int]) -> [Int] {
  var rest = index
  var result: [Int] = []
  for extent in shape.reversed() {
    result.append(rest % max(extent, 1))
    rest /= max(extent, 1)
  }
  return result.reversed()
}
