import Tensors
import Testing

@testable import Graph

/// bfloat16 in memory, floats in registers.
///
/// Oracle: rounding by hand, to nearest with ties to even.
@Suite struct ElementsTests {
  let arena = KernelArena()

  /// The bfloat16 nearest to a float, as a float.
  private func rounded(_ x: Float) -> Float {
    if !x.isFinite { return x }
    let (below, rest) = x.bitPattern.quotientAndRemainder(dividingBy: 1 << 16)
    let isUp = rest > 0x8000 || (rest == 0x8000 && below % 2 == 1)
    return Float(bitPattern: (below + (isUp ? 1 : 0)) << 16)
  }

  @Test("numbers are rounded to nearest even, and infinity and NaN survive")
  func rounding() {
    var values = KernelShapes.random(64, seed: 50, deviation: 100)
    values[0..<8] = [
      0, -0.0, .infinity, -.infinity, .nan, Float(bitPattern: 0x7f7f_ffff), Float(bitPattern: 0x3f80_8000),
      Float(bitPattern: 0x3f81_8000),
    ]
    values[8] = Float(bitPattern: 0x7fff_ffff)
    let floats = arena.allocate(64, filledWith: Float(0))
    floats.update(from: values, count: 64)
    let stored = Elements(UnsafeMutableRawPointer(arena.allocate(64, filledWith: UInt16(0xaaaa))), .bf16)
    ElementwiseKernel.copy(Elements(floats), stored, count: 64)
    for index in values.indices {
      let expected = rounded(values[index])
      let (single, lane) = (stored[index], stored.lanes(index / 16 * 16)[index % 16])
      #expect(single.bitPattern == lane.bitPattern)
      #expect(expected.isNaN ? single.isNaN : single.bitPattern == expected.bitPattern, "\(values[index])")
      stored[index] = values[index]
      #expect(expected.isNaN ? stored[index].isNaN : stored[index].bitPattern == expected.bitPattern)
    }
  }

  /// Every pass reads and writes through the same two functions, so that one pass stands for all: the result in bfloat16 is that of
  /// the rounded input, rounded.
  @Test("a pass in bfloat16 is the pass in floats with both ends rounded")
  func pass() {
    let shape = BlockedShape(n: 2, c: 20, h: 5, w: 7, channelBlock: 16)
    let x = KernelShapes.random(shape, seed: 51).map(rounded)
    let scale = arena.allocate(shape.paddedChannels, filledWith: Float(1.7))
    let mask = arena.mask(shape, factor: 1.3, seed: 52).mask
    let (input, expected) = (arena.tensor(x, shape), arena.tensor(shape))
    func stored(_ tensor: KernelTensor) -> Elements {
      let elements = Elements(UnsafeMutableRawPointer(arena.allocate(shape.count, filledWith: UInt16(0))), .bf16)
      ElementwiseKernel.copy(tensor.values, elements, count: shape.count)
      return elements
    }
    let (from, to) = (stored(input), stored(expected))
    BatchNormForwardKernel.scaleShift(
      input.values, expected.values, shape.whole, scale: scale, shift: scale, relu: true, mask: mask)
    BatchNormForwardKernel.scaleShift(from, to, shape.whole, scale: scale, shift: scale, relu: true, mask: mask)
    #expect((0..<shape.count).allSatisfy { to[$0] == rounded(expected.floats[$0]) })
  }
}
