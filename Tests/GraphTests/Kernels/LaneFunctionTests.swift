import Glibc
import Testing

@testable import Graph

/// Oracle of all: libm in Double.
///
/// The bound of 3e-7 is five roundings to Float.
@Suite struct LaneFunctionTests {
  @Test("the exponential of negatives is right to 3e-7 down to -87")
  func exponential() {
    #expect(worstError(from: -87, to: 0, steps: 200_000, { $0.exponentialOfNegative }, { exp($0) }) <= 3e-7)
    // Below, it stays where it is: less than 2e-38.
    let low = Lanes(repeating: -1000).exponentialOfNegative[0]
    #expect(low > 0 && low < 2e-38)
    #expect(Lanes(repeating: 0).exponentialOfNegative[0] == 1)
    #expect(Lanes(repeating: .nan).exponentialOfNegative[0].isNaN)
  }

  @Test("the logarithm of one plus is right to 3e-7")
  func logarithm() {
    #expect(worstError(from: 0, to: 1, steps: 200_000, { $0.logarithmOfOnePlus }, { log1p($0) }) <= 3e-7)
    #expect(worstError(from: 0, to: 1e-6, steps: 1000, { $0.logarithmOfOnePlus }, { log1p($0) }) <= 3e-7)
    #expect(Lanes(repeating: 0).logarithmOfOnePlus[0] == 0)
    #expect(Lanes(repeating: .nan).logarithmOfOnePlus[0].isNaN)
  }

  /// The exponent 2 alone must not be special: the general path takes the power by an exponential of a product, whose
  /// argument has an error of up to 1e-7 of itself.
  @Test("the focal term is right for all exponents", arguments: [Float(0), 0.5, 1.5, 2, 5])
  func focalTerm(gamma: Float) {
    var worst = 0.0
    for step in 0...6000 {
      let x = Float(step - 3000) * 0.01
      let term = FocalTerm(Lanes(repeating: x), gamma: gamma)
      let p = 1 / (1 + exp(-Double(x)))
      let softplus = max(Double(x), 0) + log1p(exp(-Double(x.magnitude)))
      let power = exp(-Double(gamma) * (max(-Double(x), 0) + log1p(exp(-Double(x.magnitude)))))
      let value = power * softplus
      let slope = power * (Double(gamma) * (1 - p) * softplus + p)
      // Where the power itself is below 1e-37, nothing is asked: Float has no room for it.
      if power * min(softplus, p) < 1e-37 { continue }
      let argument = 1 + Double(gamma) * Double(max(-x, 0))
      worst = max(worst, (Double(term.value[0]) / value - 1).magnitude / argument)
      worst = max(worst, (Double(term.slope[0]) / slope - 1).magnitude / argument)
    }
    #expect(worst <= 6e-7)
  }

  @Test("a logit that is not a number or infinite shows in the loss")
  func notFinite() {
    for gamma in [Float(1.5), 2] {
      #expect(FocalTerm(Lanes(repeating: .nan), gamma: gamma).value[0].isNaN)
      #expect(!FocalTerm(Lanes(repeating: .infinity), gamma: gamma).value[0].isFinite)
    }
  }

  private func worstError(
    from first: Float, to last: Float, steps: Int, _ function: (Lanes) -> Lanes, _ exact: (Double) -> Double
  ) -> Double {
    var worst = 0.0
    for step in stride(from: 0, to: steps, by: 16) {
      var x = Lanes()
      for lane in 0..<16 { x[lane] = first + (last - first) * Float(step + lane) / Float(steps + 15) }
      let y = function(x)
      for lane in 0..<16 where x[lane] != 0 {
        worst = max(worst, (Double(y[lane]) / exact(Double(x[lane])) - 1).magnitude)
      }
    }
    return worst
  }
}
