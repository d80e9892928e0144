import Tensors
import Testing

@testable import Graph

@Suite struct SubsamplingKernelTests {
  let arena = KernelArena()

  /// Oracle: the dense tensor, pixel by pixel.
  @Test("even rows and columns are taken, and only they get a gradient", arguments: KernelShapes.all, [1, 2])
  func subsampling(input: BlockedShape, addends: Int) {
    let output = BlockedShape(
      n: input.n, c: input.c, h: (input.h + 1) / 2, w: (input.w + 1) / 2, channelBlock: input.channelBlock)
    let kernel = SubsamplingKernel(input: input)
    let x = KernelShapes.random(input, seed: 90)
    let gradients = (0..<addends).map { KernelShapes.random(output, seed: 91 + UInt64($0)) }
    let (y, dx) = (arena.tensor(output), arena.tensor(input))
    kernel.forward(arena.tensor(x, input).values, y.values)
    let incoming = gradients.map { arena.tensor($0, output).values }
    kernel.backward(IncomingGradient(incoming[0], addends > 1 ? incoming[1] : nil), dx.values)
    var taken: [Float] = []
    var back = [Float](repeating: 0, count: x.count)
    for index in x.indices {
      let pixel = index % input.area
      if pixel / input.w % 2 == 1 || pixel % input.w % 2 == 1 { continue }
      back[index] = gradients.reduce(0) { $0 + $1[taken.count] }
      taken.append(x[index])
    }
    let isSame = y.dense == taken && dx.dense == back
    #expect(isSame && y.isTidy && dx.isTidy)
  }
}
