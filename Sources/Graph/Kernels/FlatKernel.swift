import Tensors

/// Passes over flat slices of any length: parameters, gradients and velocities.
enum FlatKernel {
  /// Floats that a thread takes at a time.
  private static let chunkElements = 1 << 15

  /// Runs `body` on chunks of `count` floats, shared among the threads; chunks do not depend on the threads.
  private static func share(_ count: Int, _ body: (_ chunk: Int, _ elements: Range<Int>) -> Void) {
    parallel(chunks(count)) { chunk in body(chunk, chunk * chunkElements..<min(count, (chunk + 1) * chunkElements)) }
  }

  private static func chunks(_ count: Int) -> Int { (count + chunkElements - 1) / chunkElements }

  /// One step of gradient descent with momentum; a slice gives the same bits whether it is updated whole or in parts.
  static func descend(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, velocities: UnsafeMutablePointer<Float>,
    count: Int, rule: MomentumRule
  ) {
    share(count) { _, elements in
      var element = elements.lowerBound
      while element &+ 16 <= elements.upperBound {
        let next = rule.apply(weights.lanes(element), gradients.lanes(element), velocities.lanes(element))
        weights.store(next.weight, element)
        velocities.store(next.velocity, element)
        element &+= 16
      }
      // The rest goes through the same lanes, and so rounds the same.
      let rest = element..<elements.upperBound
      if rest.isEmpty { return }
      let next = rule.apply(
        partial(UnsafePointer(weights), rest), partial(gradients, rest), partial(UnsafePointer(velocities), rest))
      for element in rest {
        weights[element] = next.weight[element - rest.lowerBound]
        velocities[element] = next.velocity[element - rest.lowerBound]
      }
    }
  }

  /// One step of an optimizer that divides by running squares; as `descend`, by parts or whole.
  static func descend(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, velocities: UnsafeMutablePointer<Float>,
    squares: UnsafeMutablePointer<Float>, count: Int, rule: AdaptiveRule
  ) {
    share(count) { _, elements in
      var element = elements.lowerBound
      while element &+ 16 <= elements.upperBound {
        let next = rule.apply(
          weights.lanes(element), gradients.lanes(element), velocities.lanes(element), squares.lanes(element))
        weights.store(next.weight, element)
        velocities.store(next.velocity, element)
        squares.store(next.square, element)
        element &+= 16
      }
      let rest = element..<elements.upperBound
      if rest.isEmpty { return }
      let next = rule.apply(
        partial(UnsafePointer(weights), rest), partial(gradients, rest), partial(UnsafePointer(velocities), rest),
        partial(UnsafePointer(squares), rest))
      for element in rest {
        weights[element] = next.weight[element - rest.lowerBound]
        velocities[element] = next.velocity[element - rest.lowerBound]
        squares[element] = next.square[element - rest.lowerBound]
      }
    }
  }

  /// a += share * (b - a): a moves a part of the way to b.
  static func approach(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, count: Int, share part: Float
  ) {
    share(count) { _, elements in
      var element = elements.lowerBound
      while element &+ 16 <= elements.upperBound {
        let old = a.lanes(element)
        a.store(old.addingProduct(b.lanes(element) - old, Lanes(repeating: part)), element)
        element &+= 16
      }
      for element in element..<elements.upperBound {
        a[element] = a[element].addingProduct(b[element] - a[element], part)
      }
    }
  }

  /// a and b change places.
  static func exchange(_ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, count: Int) {
    share(count) { _, elements in
      for element in elements { (a[element], b[element]) = (b[element], a[element]) }
    }
  }

  /// a += b.
  static func accumulate(_ a: UnsafeMutablePointer<Float>, _ b: UnsafePointer<Float>, count: Int) {
    share(count) { _, elements in
      var element = elements.lowerBound
      while element &+ 16 <= elements.upperBound {
        a.store(a.lanes(element) + b.lanes(element), element)
        element &+= 16
      }
      for element in element..<elements.upperBound { a[element] += b[element] }
    }
  }

  /// The sum of the squares, each squared and added in Double.
  static func sumOfSquares(_ values: UnsafePointer<Float>, count: Int) -> Double {
    withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, chunks(count))) { partials in
      share(count) { chunk, elements in
        var sum = DoubleLanes()
        var element = elements.lowerBound
        while element < elements.upperBound {
          let isWhole = element &+ 16 <= elements.upperBound
          let lanes = isWhole ? values.lanes(element) : partial(values, element..<elements.upperBound)
          let (low, high) = (SIMD8<Double>(lanes.lowHalf), SIMD8<Double>(lanes.highHalf))
          sum.low.addProduct(low, low)
          sum.high.addProduct(high, high)
          element &+= 16
        }
        partials[chunk] = sum.total
      }
      return (0..<chunks(count)).reduce(0) { $0 + partials[$1] }
    }
  }

  /// Whether a value is infinite or NaN.
  static func hasNonFinite(_ values: UnsafePointer<Float>, count: Int) -> Bool {
    withUnsafeTemporaryAllocation(of: Bool.self, capacity: max(1, chunks(count))) { found in
      share(count) { chunk, elements in
        // Zero times a finite value is zero, and times any other NaN, which stays in the sum.
        var sum = Lanes()
        var element = elements.lowerBound
        while element < elements.upperBound {
          let isWhole = element &+ 16 <= elements.upperBound
          sum.addProduct(isWhole ? values.lanes(element) : partial(values, element..<elements.upperBound), 0)
          element &+= 16
        }
        found[chunk] = !sum.sum().isFinite
      }
      return (0..<chunks(count)).contains { found[$0] }
    }
  }

  /// Fewer than sixteen elements in the first lanes, zeros in the others.
  @inline(never)
  private static func partial(_ values: UnsafePointer<Float>, _ elements: Range<Int>) -> Lanes {
    var lanes = Lanes()
    for element in elements { lanes[element - elements.lowerBound] = values[element] }
    return lanes
  }
}
