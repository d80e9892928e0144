import Tensors
import Testing

@testable import Graph

/// Oracle: the place of each element, by its indices.
@Suite struct WeightKernelTests {
  @Test(
    "exchanged blocks hold each weight in its place", arguments: [8, 16], [Shape(32, 48, 3, 3), Shape(16, 16, 1, 1)])
  func transposition(block: Int, shape: Shape) {
    let (outputs, inputs, taps) = (shape.n / block, shape.c / block, shape.area)
    let weight = (0..<shape.count).map(Float.init)
    var transposed = [Float](repeating: -1, count: shape.count)
    WeightTransposition(shape, channelBlock: block).run(weight, to: &transposed)
    for o in 0..<shape.n {
      for i in 0..<shape.c {
        for tap in 0..<taps {
          let from = (((o / block * inputs + i / block) * taps + tap) * block + i % block) * block + o % block
          let to = (((i / block * outputs + o / block) * taps + tap) * block + o % block) * block + i % block
          #expect(transposed[to] == weight[from])
        }
      }
    }
  }
}
