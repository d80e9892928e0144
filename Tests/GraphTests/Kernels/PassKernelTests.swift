import Tensors
import Testing

@testable import Graph

/// Kernels without arithmetic beyond one or two roundings: their oracle is the definition, element by element.
@Suite struct PassKernelTests {
  let arena = KernelArena()
  /// Oracle: the definition in Double; two products and a sum round to 2^-24 each.
  @Test("a residual join adds masked branches and rectifies", arguments: KernelShapes.all, 0..<4)
  func join(shape: BlockedShape, variant: Int) {
    let a = KernelShapes.random(shape, seed: 20)
    let b = KernelShapes.random(shape, seed: 21)
    let maskA = variant & 1 != 0 ? arena.mask(shape, factor: 1.3, seed: 22) : nil
    let maskB = variant & 2 != 0 ? arena.mask(shape, factor: 1.7, seed: 23) : nil
    let y = arena.tensor(shape)
    ResidualJoinKernel.forward(
      arena.tensor(a, shape).values, maskA: maskA?.mask, arena.tensor(b, shape).values, maskB: maskB?.mask, y.pointer,
      count: shape.count)
    let expected = a.indices.map { index in
      max(0, Double(a[index]) * (maskA?.factor(index) ?? 1) + Double(b[index]) * (maskB?.factor(index) ?? 1))
    }
    #expect(KernelShapes.worst(y.dense, expected, absolute: 1e-6, relative: 2e-7) == nil)
    #expect(y.isTidy)

    let first = KernelShapes.random(shape, seed: 24)
    let second = KernelShapes.random(shape, seed: 25)
    let (da, db) = (arena.tensor(first, shape), variant == 0 ? nil : arena.tensor(shape))
    ResidualJoinKernel.backward(
      IncomingGradient(da.values, arena.tensor(second, shape).values, output: y.values), da.pointer, maskA: maskA?.mask,
      db?.pointer ?? da.pointer, maskB: maskB?.mask, count: shape.count)
    let joined = y.dense
    let gradient = joined.indices.map { joined[$0] > 0 ? Double(first[$0]) + Double(second[$0]) : 0 }
    for (branch, mask) in [(da, maskA), (db ?? da, maskB)] {
      let expected = gradient.indices.map { gradient[$0] * (mask?.factor($0) ?? 1) }
      #expect(KernelShapes.worst(branch.dense, expected, relative: 2e-7) == nil)
      #expect(branch.isTidy)
    }
  }

  /// Oracle: scale and shift first, then the plain join; the fused kernel rounds at most one more time a branch.
  @Test("a join with normalised branches equals the steps one by one", arguments: KernelShapes.all, [false, true])
  func normalisedJoin(shape: BlockedShape, hasShortcut: Bool) {
    let a = KernelShapes.random(shape, seed: 26)
    let b = KernelShapes.random(shape, seed: 27)
    let padding = [Float](repeating: 0, count: shape.paddedChannels - shape.c)
    let scale = KernelShapes.random(shape.c, seed: 28) + padding
    let shift = KernelShapes.random(shape.c, seed: 29) + padding
    let maskA = arena.mask(shape, factor: 1.3, seed: 30)
    let maskB = arena.mask(shape, factor: 1.7, seed: 31)
    let y = arena.tensor(shape)
    scale.withUnsafeBufferPointer { scale in
      shift.withUnsafeBufferPointer { shift in
        guard let scale = scale.baseAddress, let shift = shift.baseAddress else { return }
        ResidualJoinKernel.forward(
          arena.tensor(a, shape).values, scale: scale, shift: shift, maskX: maskA.mask, arena.tensor(b, shape).values,
          shortcut: hasShortcut ? (scale: shift, shift: scale) : nil, maskB: maskB.mask, y.pointer, shape)
      }
    }
    let expected = a.indices.map { index in
      let channel = KernelShapes.channel(index, shape)
      let left = Double(a[index]) * Double(scale[channel]) + Double(shift[channel])
      let right = hasShortcut ? Double(b[index]) * Double(shift[channel]) + Double(scale[channel]) : Double(b[index])
      return max(0, left * maskA.factor(index) + right * maskB.factor(index))
    }
    #expect(KernelShapes.worst(y.dense, expected, absolute: 3e-6, relative: 3e-7) == nil)
    #expect(y.isTidy)
  }

  @Test("ReLU and its gradient", arguments: KernelShapes.all)
  func relu(shape: BlockedShape) {
    var x = KernelShapes.random(shape, seed: 32)
    x[0] = .nan
    x[1] = 0
    let y = arena.tensor(shape)
    ElementwiseKernel.relu(arena.tensor(x, shape).values, y.pointer, count: shape.count)
    let rectified = y.dense
    #expect(rectified[0].isNaN)
    #expect(Array(rectified[1...]) == x[1...].map { max(0, $0) })
    #expect(y.isTidy)
    let gradient = KernelShapes.random(shape, seed: 33)
    let dx = arena.tensor(shape)
    ElementwiseKernel.gradient(
      IncomingGradient(arena.tensor(gradient, shape).values, output: y.values), dx.pointer, count: shape.count)
    #expect(dx.dense == gradient.indices.map { rectified[$0] > 0 ? gradient[$0] : 0 })
    #expect(dx.isTidy)
  }

  /// Oracle: Float sums in the documented order, exactly.
  @Test("sums of two and three, accumulation and clearing", arguments: KernelShapes.all)
  func sums(shape: BlockedShape) {
    let values = (0..<3).map { KernelShapes.random(shape, seed: 34 + UInt64($0)) }
    let blocked = values.map { arena.tensor($0, shape) }
    let y = arena.tensor(shape)
    ElementwiseKernel.add(blocked[0].values, blocked[1].values, y.pointer, count: shape.count)
    #expect(y.dense == values[0].indices.map { values[0][$0] + values[1][$0] })
    ElementwiseKernel.add(blocked[0].values, blocked[1].values, blocked[2].values, y.pointer, count: shape.count)
    let expected = values[0].indices.map { values[0][$0] + values[1][$0] + values[2][$0] }
    #expect(y.dense == expected && y.isTidy)
    ElementwiseKernel.accumulate(y.pointer, blocked[0].values, count: shape.count)
    #expect(y.dense == expected.indices.map { expected[$0] + values[0][$0] })
    ElementwiseKernel.clear(y.pointer, count: shape.count)
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
      arena.tensor(x, coarse).values, coarse, arena.tensor(lateral, fine).values, y.pointer, fine)
    #expect(y.dense == lateral.indices.map { lateral[$0] + x[source($0)] })
    #expect(y.isTidy)

    let before = KernelShapes.random(coarse, seed: 42)
    for accumulate in [false, true] {
      let dx = arena.tensor(before, coarse)
      NearestUpsampleKernel.backward(
        arena.tensor(lateral, fine).values, fine, dx.pointer, coarse, accumulate: accumulate)
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
        ResidualJoinKernel.forward(
          a.values, maskA: mask.mask, b.values, maskB: nil, y.pointer, count: shape.count)
        let dx = arena.tensor(coarse)
        NearestUpsampleKernel.backward(a.values, shape, dx.pointer, coarse, accumulate: false)
        return y.bits + dx.bits
      })
  }
}
