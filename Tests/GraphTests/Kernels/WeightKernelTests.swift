import Tensors
import Testing

@testable import Graph

/// Oracle: the place of each element, by its indices.
@Suite struct WeightKernelTests {
  /// Element (o, i, tap) of a weight in blocks of 16 x 16 channels.
  private func place(_ o: Int, _ i: Int, _ tap: Int, _ shape: Shape, _ order: WeightExpansion.Order) -> Int {
    let (outputs, inputs, taps) = (shape.n / 16, shape.c / 16, shape.area)
    switch order {
    case .outputsFirst: return (((o / 16 * inputs + i / 16) * taps + tap) * 16 + i % 16) * 16 + o % 16
    case .inputsFirst: return (((i / 16 * outputs + o / 16) * taps + tap) * 16 + o % 16) * 16 + i % 16
    }
  }

  @Test("transposed blocks hold each weight in its place", arguments: [Shape(32, 48, 3, 3), Shape(16, 16, 1, 1)])
  func transposition(shape: Shape) {
    let weight = (0..<shape.count).map(Float.init)
    var transposed = [Float](repeating: -1, count: shape.count)
    WeightTransposition(shape).run(weight, to: &transposed)
    for o in 0..<shape.n {
      for i in 0..<shape.c {
        for tap in 0..<shape.area {
          let (from, to) = (place(o, i, tap, shape, .outputsFirst), place(o, i, tap, shape, .inputsFirst))
          #expect(transposed[to] == weight[from])
        }
      }
    }
  }

  /// A map of 2 x 3 pixels onto one of 1 x 2 with stride 2: some pairs of pixels do not meet.
  @Test("an expanded weight holds the tap of each pair of pixels, and a folded gradient their sums")
  func expansion() {
    let (input, output) = (Shape(1, 32, 2, 3), Shape(1, 16, 1, 2))
    let shape = Shape(16, 32, 3, 3)
    let expanded = Shape(16 * 2, 32 * 6, 1, 1)
    let expansion = WeightExpansion(
      input: input, output: output, kernel: 3, stride: 2,
      padding: Padding(top: 0, left: 1, bottom: 1, right: 1))
    #expect(expansion.byteCount == 4 * expanded.count && expansion.biasByteCount == 4 * 32)
    let weight = (0..<shape.count).map { Float($0 + 1) }
    let bias = (0..<16).map(Float.init)
    var sums = [Double](repeating: 0, count: shape.count)
    let gradient = (0..<expanded.count).map { Float($0 % 1013) }
    for order in [WeightExpansion.Order.outputsFirst, .inputsFirst] {
      var actual = [Float](repeating: -1, count: expanded.count)
      expansion.expand(weight, to: &actual, order)
      for y in 0..<2 {
        for x in 0..<6 {
          let (row, column) = (x / 3 - y / 2 * 2, x % 3 - y % 2 * 2 + 1)
          let tap = (0..<3).contains(row) && (0..<3).contains(column) ? row * 3 + column : nil
          for o in 0..<16 {
            for i in 0..<32 {
              // Channels in the order (block, pixel, channel of the block).
              let (o2, i2) = ((o / 16 * 2 + y) * 16 + o % 16, (i / 16 * 6 + x) * 16 + i % 16)
              let found = place(o2, i2, 0, expanded, order)
              #expect(actual[found] == (tap.map { weight[place(o, i, $0, shape, .outputsFirst)] } ?? 0))
              if let tap, order == .outputsFirst { sums[place(o, i, tap, shape, order)] += Double(gradient[found]) }
            }
          }
        }
      }
    }
    var folded = [Float](repeating: -1, count: shape.count)
    expansion.fold(gradient, to: &folded)
    #expect(folded.map(Double.init) == sums)
    var biases = [Float](repeating: -1, count: 32)
    expansion.expand(bias: bias, to: &biases)
    #expect(biases == bias + bias)
  }
}
