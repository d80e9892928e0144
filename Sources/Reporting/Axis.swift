import Foundation
import Tensors

/// The numbers along an edge of a chart.
public struct Axis: Sendable {
  /// The first and the last number.
  public let range: ClosedRange<Double>
  /// The distance of the numbers that are written: 1, 2 or 5 times a power of ten.
  public let step: Double

  /// An axis for these values, of which those that are not finite do not count; with zero it ends at a number that is written.
  public init(_ values: [Double], includesZero: Bool) {
    let finite = values.filter(\.isFinite)
    var (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
    if includesZero { (low, high) = (0, max(high, 0)) }
    // Of a number that is large beside a hundredth, one in a million.
    let margin = max(0.05, abs(low) * 1e-6)
    if high - low < 1e-9 { (low, high) = includesZero ? (0, 1) : (low - margin, high + margin) }
    step = Self.step(of: high - low)
    range = includesZero ? 0...(high / step).rounded(.up) * step : low...high
  }

  private static func step(of length: Double) -> Double {
    let rough = length / 5
    let power = pow(10, log10(rough).rounded(.down))
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * (1 - 1e-9) } ?? 10 * power
  }

  /// Where a number lies, from 0 at the first to 1 at the last.
  public func share(_ value: Double) -> Double {
    (value - range.lowerBound) / (range.upperBound - range.lowerBound)
  }

  /// The numbers that are written.
  public var ticks: [Double] {
    let first = Int((range.lowerBound / step - 1e-6).rounded(.up))
    let last = Int((range.upperBound / step + 1e-6).rounded(.down))
    return (first...max(first, last)).map { Double($0) * step }
  }

  /// A number with the digits that tell it from its neighbours.
  public func label(_ tick: Double) -> String {
    NumberText.fixed(tick, max(0, -Int(log10(step * (1 + 1e-9)).rounded(.down))))
  }
}
