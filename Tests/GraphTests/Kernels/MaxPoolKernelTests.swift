import Tensors
import Testing

@testable import Graph

@Suite struct MaxPoolKernelTests {
  let arena = KernelArena()
  /// Oracle: a search in row order for the first maximum, and a scatter of the gradient in Double.
  ///
  /// Values are small integers, so that maxima tie often and sums are exact.
  @Test("the first maximum wins, and the gradient goes to it", arguments: KernelShapes.all, 0..<6)
  func pool(input: BlockedShape, variant: Int) {
    // PyTorch pads one on both sides; TensorFlow's SAME one behind, or one in front of odd extents; these mix axes.
    let before = [(rows: 1, columns: 1), (rows: 0, columns: 0), (rows: 1, columns: 0)][variant % 3]
    // Without padding behind, odd rows and columns at the end lie in no window of 2.
    let (window, isCut) = variant < 3 ? (3, false) : (2, input.h > 1 && variant == 4)
    func extent(_ size: Int) -> Int { isCut ? size / 2 : (size + 1) / 2 }
    let output = BlockedShape(
      n: input.n, c: input.c, h: extent(input.h), w: extent(input.w), channelBlock: input.channelBlock)
    let pool = MaxPoolKernel(input: input, output: output, window: window, paddingBefore: before)
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
      let (top, left) = (pixel / output.w * 2 - before.rows, pixel % output.w * 2 - before.columns)
      var best: Int?
      for row in max(0, top)..<min(input.h, top + window) {
        for column in max(0, left)..<min(input.w, left + window) {
          let candidate = plane * input.area + row * input.w + column
          if x[candidate] > best.map({ x[$0] }) ?? -.infinity { best = candidate }
        }
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
    let pool = MaxPoolKernel(input: input, output: output, paddingBefore: (rows: 0, columns: 0))
    let x = arena.tensor([1, 2, 3, 4, .nan, 6, 7, 8, 9], input)
    let y = arena.tensor(output)
    let places = Elements(arena.allocate(output.count, filledWith: Float(99)))
    pool.forward(x.values, y.values, places: places)
    #expect(y.values[0].isNaN)
    #expect(places[0] == 4)
  }

  @Test("threads do not change a bit", arguments: KernelShapes.all)
  func threads(input: BlockedShape) {
    let output = BlockedShape(
      n: input.n, c: input.c, h: (input.h + 1) / 2, w: (input.w + 1) / 2, channelBlock: input.channelBlock)
    let pool = MaxPoolKernel(input: input, output: output, paddingBefore: (rows: 1, columns: 1))
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
