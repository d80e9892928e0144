import Tensors
import Testing

@testable import Graph

@Suite struct AveragePoolKernelTests {
  let arena = KernelArena()

  /// Oracle: the sum over each window in Double, and its gradient in equal shares.
  @Test("windows are means of what they have, and share their gradient", arguments: KernelShapes.all, 0..<4)
  func pool(input: BlockedShape, variant: Int) {
    let shape = Shape(input.n, input.c, input.h, input.w)
    let window: Window = [
      .same(2, stride: 2, on: shape), .same(3, on: shape), .same(3, stride: 2, dilation: 2, on: shape),
      Window(rows: .same(5, stride: 2, size: input.h), columns: WindowAxis(1)),
    ][variant]
    let pool = AveragePoolKernel(window, input: input)
    let output = pool.output
    let x = KernelShapes.random(input, seed: 60)
    let gradient = KernelShapes.random(output, seed: 61)
    let (y, dx) = (arena.tensor(output), arena.tensor(input))
    pool.forward(arena.tensor(x, input).values, y.values)
    pool.backward(arena.tensor(gradient, output).values, dx.values)
    var means: [Double] = []
    var shares = [Double](repeating: 0, count: x.count)
    for index in gradient.indices {
      let (plane, pixel) = index.quotientAndRemainder(dividingBy: output.area)
      let pixels = (0..<window.area).compactMap { place -> Int? in
        let (down, across) = place.quotientAndRemainder(dividingBy: window.columns.length)
        let row = pixel / output.w * window.rows.stride + down * window.rows.dilation - window.rows.before
        let column = pixel % output.w * window.columns.stride + across * window.columns.dilation - window.columns.before
        guard (0..<input.h).contains(row), (0..<input.w).contains(column) else { return nil }
        return plane * input.area + row * input.w + column
      }
      means.append(pixels.reduce(0) { $0 + Double(x[$1]) } / Double(pixels.count))
      for pixel in pixels { shares[pixel] += Double(gradient[index]) / Double(pixels.count) }
    }
    #expect(KernelShapes.worst(y.dense, means, absolute: 1e-6) == nil)
    #expect(KernelShapes.worst(dx.dense, shares, absolute: 1e-5) == nil)
    #expect(y.isTidy && dx.isTidy)
  }
}
