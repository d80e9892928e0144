import Tensors
import Testing

@testable import Graph

@Suite struct MaxPoolKernelTests {
  let arena = KernelArena()
  /// PyTorch's padding of one on both sides, TensorFlow's SAME, axes that differ, 2x2, and what no code is unrolled for.
  static func windows(_ shape: BlockedShape) -> [Window] {
    let shape = Shape(shape.n, shape.c, shape.h, shape.w)
    return [
      .square(3, stride: 2, padding: 1), .same(3, stride: 2, on: shape),
      Window(rows: WindowAxis(3, stride: 2, before: 1, after: 1), columns: .same(2, stride: 2, size: shape.w)),
      .same(2, stride: 2, on: shape), .same(3, on: shape), .same(3, dilation: 2, on: shape),
      Window(rows: WindowAxis(1), columns: .same(7, stride: 3, size: shape.w)),
    ]
  }

  /// Oracle: a search in row order for the first maximum, and a scatter of the gradient in Double.
  ///
  /// Values are small integers, so that maxima tie often and sums are exact.
  @Test("the first maximum wins, and the gradient goes to it", arguments: KernelShapes.all, 0..<7)
  func pool(input: BlockedShape, variant: Int) {
    let window = Self.windows(input)[variant]
    let pool = MaxPoolKernel(window, input: input)
    let output = pool.output
    let x = KernelShapes.random(input, seed: 50, deviation: 2).map { $0.rounded() - 3 }
    let gradient = KernelShapes.random(output, seed: 51, deviation: 4).map { $0.rounded() }
    let (y, dx) = (arena.tensor(output), arena.tensor(input))
    let places = Elements(arena.allocate(output.count, filledWith: Float(99)))
    pool.forward(arena.tensor(x, input).values, y.values, places: places)
    pool.backward(arena.tensor(gradient, output).values, places: places, dx.values)
    var expected = [Float](repeating: 0, count: x.count)
    var maxima: [Float] = []
    for index in gradient.indices {
      let (plane, pixel) = index.quotientAndRemainder(dividingBy: output.area)
      var best: Int?
      for place in 0..<window.area {
        let (down, across) = place.quotientAndRemainder(dividingBy: window.columns.length)
        let row = pixel / output.w * window.rows.stride + down * window.rows.dilation - window.rows.before
        let column = pixel % output.w * window.columns.stride + across * window.columns.dilation - window.columns.before
        guard (0..<input.h).contains(row), (0..<input.w).contains(column) else { continue }
        let candidate = plane * input.area + row * input.w + column
        if x[candidate] > best.map({ x[$0] }) ?? -.infinity { best = candidate }
      }
      if let best {
        maxima.append(x[best])
        expected[best] += gradient[index]
      }
    }
    #expect(y.dense == maxima)
    #expect(dx.dense == expected)
    #expect(y.isTidy && dx.isTidy)
  }

  @Test("NaN wins over numbers before and after it")
  func notANumber() {
    let input = BlockedShape(n: 1, c: 1, h: 3, w: 3, channelBlock: 16)
    let output = BlockedShape(n: 1, c: 1, h: 1, w: 1, channelBlock: 16)
    let pool = MaxPoolKernel(.square(3), input: input)
    let x = arena.tensor([1, 2, 3, 4, .nan, 6, 7, 8, 9], input)
    let y = arena.tensor(output)
    let places = Elements(arena.allocate(output.count, filledWith: Float(99)))
    pool.forward(x.values, y.values, places: places)
    #expect(y.values[0].isNaN)
    #expect(places[0] == 4)
  }

  @Test("threads do not change a bit", arguments: KernelShapes.all)
  func threads(input: BlockedShape) {
    let pool = MaxPoolKernel(.square(3, stride: 2, padding: 1), input: input)
    let output = pool.output
    let x = arena.tensor(KernelShapes.random(input, seed: 52), input)
    #expect(
      KernelShapes.isSameForAllThreads {
        let (y, dx) = (arena.tensor(output), arena.tensor(input))
        let places = Elements(arena.allocate(output.count, filledWith: Float(99)))
        pool.forward(x.values, y.values, places: places)
        pool.backward(y.values, places: places, dx.values)
        return y.bits + dx.bits
      })
  }
}
