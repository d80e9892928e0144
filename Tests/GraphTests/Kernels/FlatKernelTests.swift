import Tensors
import Testing

@testable import Graph

@Suite struct FlatKernelTests {
  let arena = KernelArena()
  /// Lengths with and without a rest, below and above a thread's share of 32768.
  static let counts = [1, 15, 16, 37, 32_768, 70_001]

  /// Oracle: the update in Double; the step rounds four times.
  @Test("gradient descent with momentum", arguments: counts, [false, true])
  func descend(count: Int, isNesterov: Bool) {
    let rule = MomentumRule(
      learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, gradientScale: 0.5, isNesterov: isNesterov)
    let (w, g, v) = (random(count, 70), random(count, 71), random(count, 72))
    var (weights, velocities) = (w, v)
    FlatKernel.descend(weights: &weights, gradients: g, velocities: &velocities, count: count, rule: rule)
    let pull = w.indices.map { Double(g[$0]) * 0.5 + Double(rule.weightDecay) * Double(w[$0]) }
    let moved = v.indices.map { Double(rule.momentum) * Double(v[$0]) + pull[$0] }
    let expected = w.indices.map { index in
      let step = isNesterov ? pull[index] + Double(rule.momentum) * moved[index] : moved[index]
      return Double(w[index]) - Double(rule.learningRate) * step
    }
    #expect(KernelShapes.worst(velocities, moved, absolute: 1e-6, relative: 1e-7) == nil)
    #expect(KernelShapes.worst(weights, expected, absolute: 1e-6, relative: 1e-7) == nil)
  }

  @Test("a slice updated in parts has the bits of one updated whole, for any threads")
  func parts() {
    let count = 70_001
    let rule = MomentumRule(
      learningRate: 0.1, momentum: 0.9, weightDecay: 0.01, gradientScale: 0.5, isNesterov: true)
    let (w, g, v) = (random(count, 73), random(count, 74), random(count, 75))
    func run(_ parts: [Range<Int>]) -> [Float] {
      var (weights, velocities) = (w, v)
      weights.withUnsafeMutableBufferPointer { weights in
        velocities.withUnsafeMutableBufferPointer { velocities in
          g.withUnsafeBufferPointer { g in
            guard let w = weights.baseAddress, let v = velocities.baseAddress, let g = g.baseAddress else { return }
            for part in parts {
              FlatKernel.descend(
                weights: w + part.lowerBound, gradients: g + part.lowerBound, velocities: v + part.lowerBound,
                count: part.count, rule: rule)
            }
          }
        }
      }
      return weights + velocities
    }
    #expect(KernelShapes.isSameForAllThreads { run([0..<count]) })
    #expect(run([0..<count]) == run([0..<5, 5..<33_000, 33_000..<count]))
  }

  /// Oracle: the plain sum in Double, whose own rounding is below 1e-11 here.
  @Test("the sum of squares does not depend on threads", arguments: counts)
  func squares(count: Int) {
    let values = random(count, 76)
    let expected = values.reduce(0) { $0 + Double($1) * Double($1) }
    #expect((FlatKernel.sumOfSquares(values, count: count) / expected - 1).magnitude <= 1e-11)
    #expect(KernelShapes.isSameForAllThreads { FlatKernel.sumOfSquares(values, count: count) })
  }

  @Test("one value that is not finite is found wherever it stands", arguments: counts)
  func nonFinite(count: Int) {
    var values = random(count, 77)
    values[0] = .greatestFiniteMagnitude
    values[count - 1] = -.greatestFiniteMagnitude
    #expect(!FlatKernel.hasNonFinite(values, count: count))
    for bad in [Float.nan, .infinity, -.infinity] {
      for place in [0, count / 2, count - 1] {
        var spoilt = values
        spoilt[place] = bad
        #expect(FlatKernel.hasNonFinite(spoilt, count: count))
      }
    }
  }

  private func random(_ count: Int, _ seed: UInt64) -> [Float] { KernelShapes.random(count, seed: seed) }
}
