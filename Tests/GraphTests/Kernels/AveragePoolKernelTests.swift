import Tensors
import Testing

@testable import Graph

@Suite struct AveragePoolKernelTests {
  let arena = KernelArena()

  /// Oracle: the sum over each window in Double, and its gradient in equal shares.
  @Test("windows are means of what they have, and share their gradient", arguments: KernelShapes.all)
  func pool(input: BlockedShape) {
    let output = BlockedShape(
      n: input.n, c: input.c, h: (input.h + 1) / 2, w: (input.w + 1) / 2, channelBlock: input.channelBlock)
    let pool = AveragePoolKernel(input: input)
    let x = KernelShapes.random(input, seed: 60)
    let gradient = KernelShapes.random(output, seed: 61)
    let (y, dx) = (arena.tensor(output), arena.tensor(input))
    pool.forward(arena.tensor(x, input).values, y.values)
    pool.backward(arena.tensor(gradient, output).values, dx.values)
    var means = [Double](repeating: 0, count: gradient.count)
    var shares = [Double](repeating: 0, count: x.count)
    for index in x.indices {
      let (plane, pixel) = index.quotientAndRemainder(dividingBy: input.area)
      let (row, column) = (pixel / input.w / 2, pixel % input.w / 2)
      let count = min(2, input.h - 2 * row) * min(2, input.w - 2 * column)
      let window = plane * output.area + row * output.w + column
      means[window] += Double(x[index]) / Double(count)
      shares[index] = Double(gradient[window]) / Double(count)
    }
    #expect(KernelShapes.worst(y.dense, means, absolute: 1e-6) == nil)
    #expect(KernelShapes.worst(dx.dense, shares, relative: 1e-6) == nil)
    #expect(y.isTidy && dx.isTidy)
  }
}
