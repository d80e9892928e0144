import Tensors
import Testing

@testable import Graph

@Suite struct SubsamplingKernelTests {
  let arena = KernelArena()

  /// Oracle: the dense tensor, pixel by pixel.
  @Test("every second row and column is taken, and only they get a gradient", arguments: KernelShapes.all, 0..<4)
  func subsampling(input: BlockedShape, variant: Int) {
    let (first, addends) = (variant & 1, variant < 2 ? 1 : 2)
    let output = BlockedShape(
      n: input.n, c: input.c, h: (input.h + 1) / 2, w: (input.w + 1) / 2, channelBlock: input.channelBlock)
    let kernel = SubsamplingKernel(input: input, first: first)
    let x = KernelShapes.random(input, seed: 90)
    let gradients = (0..<addends).map { KernelShapes.random(output, seed: 91 + UInt64($0)) }
    let (y, dx) = (arena.tensor(output), arena.tensor(input))
    kernel.forward(arena.tensor(x, input).values, y.values)
    let incoming = gradients.map { arena.tensor($0, output).values }
    kernel.backward(IncomingGradient(incoming[0], addends > 1 ? incoming[1] : nil), dx.values)
    var taken: [Float] = []
    var back = [Float](repeating: 0, count: x.count)
    for index in 0..<output.n * output.c * output.area {
      let (plane, pixel) = index.quotientAndRemainder(dividingBy: output.area)
      let (row, column) = (2 * (pixel / output.w) + first, 2 * (pixel % output.w) + first)
      let isInside = row < input.h && column < input.w
      let place = (plane * input.h + row) * input.w + column
      taken.append(isInside ? x[place] : 0)
      if isInside { back[place] = gradients.reduce(0) { $0 + $1[index] } }
    }
    let isSame = y.dense == taken && dx.dense == back
    #expect(isSame && y.isTidy && dx.isTidy)
  }
}
