import Tensors
import Testing

@testable import Graph

@Suite struct ConcatenationKernelTests {
  let arena = KernelArena()

  private func parts(_ shape: BlockedShape) -> [BlockedShape] {
    [32, 16, shape.c].map {
      BlockedShape(n: shape.n, c: $0, h: shape.h, w: shape.w, channelBlock: shape.channelBlock)
    }
  }

  /// Oracle: the dense tensors, image by image.
  @Test("every channel finds its place, and its gradient the way back", arguments: KernelShapes.all, [1, 2])
  func concatenation(last: BlockedShape, addends: Int) {
    let parts = parts(last)
    let whole = BlockedShape(
      n: last.n, c: 48 + last.c, h: last.h, w: last.w, channelBlock: last.channelBlock)
    let kernel = ConcatenationKernel(parts)
    let y = arena.tensor(whole)
    let values = parts.enumerated().map { KernelShapes.random($1, seed: 70 + UInt64($0)) }
    for (part, shape) in parts.enumerated() {
      kernel.write(part, arena.tensor(values[part], shape).values, y.values)
    }
    var expected: [Float] = []
    for image in 0..<whole.n {
      for (part, shape) in parts.enumerated() {
        let count = shape.c * shape.area
        expected += values[part][image * count..<(image + 1) * count]
      }
    }
    let isSame = y.dense == expected
    #expect(isSame && y.isTidy)

    let gradients = (0..<addends).map { KernelShapes.random(whole, seed: 80 + UInt64($0)) }
    let incoming = gradients.map { arena.tensor($0, whole).values }
    let gradient = IncomingGradient(incoming[0], addends > 1 ? incoming[1] : nil)
    var sum = gradients[0]
    for other in gradients.dropFirst() { for index in sum.indices { sum[index] += other[index] } }
    var start = 0
    for (part, shape) in parts.enumerated() {
      let dx = arena.tensor(shape)
      kernel.read(part, gradient, dx.values)
      var slices: [Float] = []
      for image in 0..<whole.n {
        let first = (image * whole.c + start) * whole.area
        slices += sum[first..<first + shape.c * shape.area]
      }
      let isSame = dx.dense == slices
      #expect(isSame && dx.isTidy)
      start += shape.c
    }
  }
}
