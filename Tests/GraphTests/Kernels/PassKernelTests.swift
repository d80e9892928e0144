import Tensors
import Testing

@testable import Graph

/// Kernels without arithmetic beyond one or two roundings: their oracle is the definition, element by element.
@Suite struct PassKernelTests {
  let arena = KernelArena()
  /// Oracle: the definition in Double; scale and shift round twice more than the sum.
  @Test("a normalised branch joins its shortcut, each under its mask", arguments: KernelShapes.all, 0..<8)
  func join(shape: BlockedShape, variant: Int) {
    let branch = KernelShapes.random(shape, seed: 26)
    let shortcut = KernelShapes.random(shape, seed: 27)
    let padding = [Float](repeating: 0, count: shape.paddedChannels - shape.c)
    let scale = KernelShapes.random(shape.c, seed: 28) + padding
    let shift = KernelShapes.random(shape.c, seed: 29) + padding
    let mask = variant & 1 != 0 ? arena.mask(shape, factor: 1.3, seed: 30) : nil
    let shortcutMask = variant & 2 != 0 ? arena.mask(shape, factor: 1.7, seed: 31) : nil
    let hasReLU = variant & 4 != 0
    let y = arena.tensor(shape)
    scale.withUnsafeBufferPointer { scale in
      shift.withUnsafeBufferPointer { shift in
        guard let scale = scale.baseAddress, let shift = shift.baseAddress else { return }
        ResidualJoinKernel.forward(
          arena.tensor(branch, shape).values, scale: scale, shift: shift, mask: mask?.mask ?? .none,
          shortcut: arena.tensor(shortcut, shape).values, shortcutMask: shortcutMask?.mask ?? .none, relu: hasReLU,
          y.values, shape.whole)
      }
    }
    let expected = branch.indices.map { index in
      let channel = KernelShapes.channel(index, shape)
      let left = Double(branch[index]) * Double(scale[channel]) + Double(shift[channel])
      let right = Double(shortcut[index])
      let sum = left * (mask?.factor(index) ?? 1) + right * (shortcutMask?.factor(index) ?? 1)
      return hasReLU ? max(0, sum) : sum
    }
    #expect(KernelShapes.worst(y.dense, expected, absolute: 3e-6, relative: 3e-7) == nil)
    #expect(y.isTidy)
  }

  /// Oracle: the definition; the sum in place of an addend, the shortcut's share masked on its own.
  @Test("the gradient of a join reaches both sides", arguments: KernelShapes.all)
  func joinGradient(shape: BlockedShape) {
    let first = KernelShapes.random(shape, seed: 24)
    let second = KernelShapes.random(shape, seed: 25)
    let output = KernelShapes.random(shape, seed: 20)
    let (mask, shortcutMask) = (arena.mask(shape, factor: 1.3, seed: 22), arena.mask(shape, factor: 1.7, seed: 23))
    let padding = [Float](repeating: 0, count: shape.paddedChannels - shape.c)
    let scale = KernelShapes.random(shape.c, seed: 28) + padding
    let (sum, dx, shortcut) = (arena.tensor(first, shape), arena.tensor(shape), arena.tensor(shape))
    scale.withUnsafeBufferPointer { scale in
      guard let scale = scale.baseAddress else { return }
      BatchNormBackwardKernel.applyFrozen(
        IncomingGradient(
          sum.values, arena.tensor(second, shape).values, output: arena.tensor(output, shape).values, mask: mask.mask),
        dx.values, shape.whole, scale: scale,
        join: JoinGradient(sum: sum.values, shortcut: (shortcut.values, shortcutMask.mask)))
    }
    let total = first.indices.map { output[$0] > 0 ? Double(first[$0] + second[$0]) : 0 }
    let expected = total.indices.map {
      total[$0] * mask.factor($0) * Double(scale[KernelShapes.channel($0, shape)])
    }
    #expect(KernelShapes.worst(sum.dense, total) == nil)
    #expect(KernelShapes.worst(dx.dense, expected, relative: 3e-7) == nil)
    #expect(
      KernelShapes.worst(shortcut.dense, total.indices.map { total[$0] * shortcutMask.factor($0) }, relative: 2e-7)
        == nil)
    #expect(sum.isTidy && dx.isTidy && shortcut.isTidy)
  }

  @Test("ReLU and its gradient", arguments: KernelShapes.all)
  func relu(shape: BlockedShape) {
    var x = KernelShapes.random(shape, seed: 32)
    x[0] = .nan
    x[1] = 0
    let y = arena.tensor(shape)
    ElementwiseKernel.relu(arena.tensor(x, shape).values, y.values, count: shape.count)
    let rectified = y.dense
    #expect(rectified[0].isNaN)
    #expect(Array(rectified[1...]) == x[1...].map { max(0, $0) })
    #expect(y.isTidy)
    let gradient = KernelShapes.random(shape, seed: 33)
    let dx = arena.tensor(shape)
    ElementwiseKernel.gradient(
      IncomingGradient(arena.tensor(gradient, shape).values, output: y.values), dx.values, count: shape.count)
    #expect(dx.dense == gradient.indices.map { rectified[$0] > 0 ? gradient[$0] : 0 })
    #expect(dx.isTidy)
  }

  /// Oracle: Float sums in the documented order, exactly.
  @Test("sums of two to five, accumulation and clearing", arguments: KernelShapes.all)
  func sums(shape: BlockedShape) {
    let values = (0..<5).map { KernelShapes.random(shape, seed: 34 + UInt64($0)) }
    let blocked = values.map { arena.tensor($0, shape) }
    let y = arena.tensor(shape)
    var expected = values[0]
    for count in 2...5 {
      for index in expected.indices { expected[index] += values[count - 1][index] }
      ElementwiseKernel.sum(blocked[..<count].map(\.values), to: y.values, count: shape.count)
      #expect(y.dense == expected && y.isTidy, "\(count) addends")
    }
    FlatKernel.accumulate(y.floats, blocked[0].floats, count: shape.count)
    #expect(y.dense == expected.indices.map { expected[$0] + values[0][$0] })
    ElementwiseKernel.clear(y.values, count: shape.count)
    #expect(y.dense.allSatisfy { $0 == 0 } && y.isTidy)
  }

  /// Oracle: `torch.nn.functional.interpolate(mode="nearest", size=...)` of PyTorch 2.13 on arange, which differs from
  /// exact division in these rows.
  @Test("the upsampling index is PyTorch's")
  func upsampleIndex() {
    #expect(NearestUpsampleKernel.sources(coarse: 26, fine: 44)[22] == 12)
    #expect(NearestUpsampleKernel.sources(coarse: 28, fine: 46)[23] == 13)
    #expect(NearestUpsampleKernel.sources(coarse: 30, fine: 58)[29] == 14)
    #expect(NearestUpsampleKernel.sources(coarse: 3, fine: 6) == [0, 0, 1, 1, 2, 2])
    #expect(NearestUpsampleKernel.sources(coarse: 7, fine: 13) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6])
  }

  /// Oracle: the definition, and the backward pass as a scatter in Double; a footprint has at most nine readers here.
  @Test("upsampling adds to the lateral map, and its gradient is summed over the readers", arguments: KernelShapes.all)
  func upsample(fine: BlockedShape) {
    let coarse = BlockedShape(
      n: fine.n, c: fine.c, h: (fine.h + 1) / 2, w: (fine.w + 2) / 3, channelBlock: fine.channelBlock)
    let rows = NearestUpsampleKernel.sources(coarse: coarse.h, fine: fine.h)
    let columns = NearestUpsampleKernel.sources(coarse: coarse.w, fine: fine.w)
    let x = KernelShapes.random(coarse, seed: 40)
    let lateral = KernelShapes.random(fine, seed: 41)
    func source(_ index: Int) -> Int {
      index / fine.area * coarse.area + rows[index % fine.area / fine.w] * coarse.w + columns[index % fine.w]
    }
    let y = arena.tensor(fine)
    NearestUpsampleKernel.forward(
      arena.tensor(x, coarse).values, coarse, arena.tensor(lateral, fine).values, y.values, fine)
    #expect(y.dense == lateral.indices.map { lateral[$0] + x[source($0)] })
    #expect(y.isTidy)

    let before = KernelShapes.random(coarse, seed: 42)
    for accumulate in [false, true] {
      let dx = arena.tensor(before, coarse)
      NearestUpsampleKernel.backward(
        arena.tensor(lateral, fine).values, fine, dx.values, coarse, accumulate: accumulate)
      var expected = before.map { accumulate ? Double($0) : 0 }
      for index in lateral.indices { expected[source(index)] += Double(lateral[index]) }
      #expect(KernelShapes.worst(dx.dense, expected, absolute: 3e-6, relative: 1e-6) == nil)
      #expect(dx.isTidy)
    }
  }

  @Test("threads do not change a bit of a join or an upsampling", arguments: KernelShapes.all)
  func threads(shape: BlockedShape) {
    let a = arena.tensor(KernelShapes.random(shape, seed: 43), shape)
    let b = arena.tensor(KernelShapes.random(shape, seed: 44), shape)
    let mask = arena.mask(shape, factor: 1.3, seed: 45)
    let coarse = BlockedShape(n: shape.n, c: shape.c, h: 1, w: 1, channelBlock: shape.channelBlock)
    #expect(
      KernelShapes.isSameForAllThreads {
        let y = arena.tensor(shape)
        let channels = arena.allocate(shape.paddedChannels, filledWith: Float(0.5))
        ResidualJoinKernel.forward(
          a.values, scale: channels, shift: channels, mask: mask.mask, shortcut: b.values, shortcutMask: .none,
          relu: true,
          y.values, shape.whole)
        let dx = arena.tensor(coarse)
        NearestUpsampleKernel.backward(a.values, shape, dx.values, coarse, accumulate: false)
        return y.bits + dx.bits
      })
  }
}
