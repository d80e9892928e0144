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

  /// How gradient descent with momentum moves a parameter.
  struct MomentumRule {
    /// The learning rate; it is not part of the velocity.
    let learningRate: Float
    /// What the velocity keeps of its value.
    let momentum: Float
    /// The pull towards zero, added to the gradient; 0 for parameters that are not decayed.
    let weightDecay: Float
    /// What the gradient is multiplied with first, such as 1 / ranks.
    let gradientScale: Float
    /// Whether the step looks ahead: w -= rate * (g + momentum * v) in place of w -= rate * v.
    let isNesterov: Bool

    /// The new velocity and weight of one group.
    @inline(__always)
    func apply(_ weight: Lanes, _ gradient: Lanes, _ velocity: Lanes) -> (weight: Lanes, velocity: Lanes) {
      let pull = (gradient * gradientScale).addingProduct(weight, weightDecay)
      let moved = pull.addingProduct(velocity, momentum)
      let step = isNesterov ? pull.addingProduct(moved, momentum) : moved
      return (weight.addingProduct(step, -learningRate), moved)
    }
  }

  /// One step of stochastic gradient descent: v = m v + g, w -= rate * v, with g = gradient * scale + decay * w.
  ///
  /// This is PyTorch's form without dampening and TensorFlow's MomentumOptimizer. A slice gives the same bits whether it
  /// is updated whole or in parts.
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
