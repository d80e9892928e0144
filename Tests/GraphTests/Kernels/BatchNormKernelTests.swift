import Tensors
import Testing

@testable import Graph

@Suite struct BatchNormKernelTests {
  let arena = KernelArena()
  let epsilon: Float = 1e-3

  /// Oracle: two-pass mean and variance in Double.
  ///
  /// Single-pass sums of squares in Double lose 1e4 * 2^-53 of the
  /// variance at a mean of 100 deviations, which leaves far less than one part in a million.
  @Test("mean and variance survive a mean of a hundred deviations", arguments: KernelShapes.all)
  func statistics(shape: BlockedShape) {
    let x = KernelShapes.random(shape, seed: 1, mean: 100)
    let buffers = forward(x, shape)
    let expected = statistics(x, shape)
    let channels = buffers.channels
    for channel in 0..<shape.c {
      let (mean, variance) = expected[channel]
      let inverse = 1 / (variance + Double(epsilon)).squareRoot()
      #expect((Double(channels.mean[channel]) - mean).magnitude <= 1e-7 * mean)
      #expect((Double(channels.variance[channel]) - variance).magnitude <= 1e-6 * variance)
      #expect((Double(channels.inverseDeviation[channel]) - inverse).magnitude <= 1e-6 * inverse)
    }
    for channel in shape.c..<shape.paddedChannels {
      #expect(channels.scale[channel] == 0 && channels.shift[channel] == 0 && channels.mean[channel] == 0)
    }
  }

  /// Oracle: the formula in Double.
  ///
  /// Scale, shift and the fused product round once each, up to 2^-24 of values that stay below eight.
  @Test("scale, shift, ReLU and mask", arguments: KernelShapes.all, [false, true])
  func scaleShift(shape: BlockedShape, relu: Bool) {
    let x = KernelShapes.random(shape, seed: 2)
    let mask = arena.mask(shape, factor: 1.3, seed: 3)
    let channels = arena.channels(shape).channels
    for channel in 0..<shape.paddedChannels {
      channels.scale[channel] = channel < shape.c ? 0.1 * Float(channel) - 1 : 0
      channels.shift[channel] = channel < shape.c ? 1 - 0.07 * Float(channel) : 0
    }
    for drop in [nil, mask] {
      let y = arena.tensor(shape)
      BatchNormForwardKernel.scaleShift(
        arena.tensor(x, shape).values, y.values, shape.whole, scale: channels.scale, shift: channels.shift, relu: relu,
        mask: drop?.mask ?? .none)
      let expected = x.indices.map { index in
        let channel = KernelShapes.channel(index, shape)
        let value = Double(x[index]) * Double(channels.scale[channel]) + Double(channels.shift[channel])
        return (relu ? max(0, value) : value) * (drop?.factor(index) ?? 1)
      }
      #expect(KernelShapes.worst(y.dense, expected, absolute: 1e-6, relative: 3e-7) == nil)
      #expect(y.isTidy)
      let inPlace = arena.tensor(x, shape)
      BatchNormForwardKernel.scaleShift(
        inPlace.values, inPlace.values, shape.whole, scale: channels.scale, shift: channels.shift, relu: relu,
        mask: drop?.mask ?? .none)
      #expect(inPlace.bits == y.bits)
    }
  }

  /// Oracle: the definition, by hand: variance 4 over 5 elements is 5 unbiased.
  @Test("running statistics keep the retained share and take the unbiased variance if asked")
  func running() {
    let shape = BlockedShape(n: 1, c: 1, h: 1, w: 5, channelBlock: 8)
    let buffers = arena.channels(shape)
    buffers.channels.mean[0] = 10
    buffers.channels.variance[0] = 4
    for (unbiased, expected) in [(true, Float(0.75 * 2 + 0.25 * 5)), (false, 0.75 * 2 + 0.25 * 4)] {
      var mean: Float = 6
      var variance: Float = 2
      BatchNormForwardKernel.updateRunning(
        mean: &mean, variance: &variance, retention: 0.75, count: 5, unbiased: unbiased, shape.whole,
        from: buffers.channels)
      #expect(mean == 7)
      #expect(variance == expected)
    }
  }

  /// Oracle: the closed form in Double with the mask, ReLU and second gradient written out.
  ///
  /// Sums run over at most 2442
  /// elements with 16-element Float runs; dx rounds four times.
  @Test("the gradient under ReLU, mask and a second use", arguments: KernelShapes.all, 0..<4)
  func backward(shape: BlockedShape, variant: Int) {
    let x = KernelShapes.random(shape, seed: 4, mean: 3)
    let y = KernelShapes.random(shape, seed: 5)
    let first = KernelShapes.random(shape, seed: 6)
    let second = KernelShapes.random(shape, seed: 7)
    let mask = arena.mask(shape, factor: 1.3, seed: 8)
    let hasReLU = variant & 1 != 0
    let hasMask = variant & 2 != 0
    let gradient = x.indices.map { index in
      let sum = Double(first[index]) + (hasReLU ? Double(second[index]) : 0)
      return sum * (hasReLU && y[index] <= 0 ? 0 : 1) * (hasMask ? mask.factor(index) : 1)
    }
    let buffers = forward(x, shape)
    let blocked = (
      arena.tensor(x, shape), arena.tensor(first, shape), arena.tensor(second, shape), arena.tensor(y, shape)
    )
    let incoming = IncomingGradient(
      blocked.1.values, hasReLU ? blocked.2.values : nil, output: hasReLU ? blocked.3.values : nil,
      mask: hasMask ? mask.mask : .none)
    BatchNormBackwardKernel.sums(
      blocked.0.values, incoming, shape.whole, channels: buffers.channels, sum: buffers.sum,
      sumOfProducts: buffers.products)
    let expected = self.backward(x, gradient, shape)
    let sums = (0..<shape.c).map { Float(buffers.sum[$0]) }
    let products = (0..<shape.c).map { Float(buffers.products[$0]) }
    let scale = Double(shape.elementsPerChannel).squareRoot()
    #expect(KernelShapes.worst(sums, expected.beta, absolute: 1e-6 * scale, relative: 1e-6) == nil)
    #expect(KernelShapes.worst(products, expected.gamma, absolute: 3e-6 * scale, relative: 1e-6) == nil)
    // The same sums with the gradient of the residual sum left behind, before the mask.
    let joined = arena.tensor(shape)
    BatchNormBackwardKernel.sums(
      blocked.0.values, incoming, shape.whole, channels: buffers.channels, sum: buffers.sum,
      sumOfProducts: buffers.products,
      join: JoinGradient(sum: joined.values, shortcut: nil))
    #expect((0..<shape.c).map { Float(buffers.sum[$0]) } == sums)
    let total = first.indices.map { index in
      hasReLU ? (y[index] > 0 ? Double(first[index] + second[index]) : 0) : Double(first[index])
    }
    #expect(KernelShapes.worst(joined.dense, total) == nil)
    let gamma = self.gamma(shape)
    // In place, on the first gradient.
    BatchNormBackwardKernel.apply(
      blocked.0.values, incoming, blocked.1.values, shape.whole, gamma: gamma, channels: buffers.channels,
      sum: buffers.sum,
      sumOfProducts: buffers.products, count: Double(shape.elementsPerChannel))
    #expect(KernelShapes.worst(blocked.1.dense, expected.x, absolute: 2e-5, relative: 2e-6) == nil)
    #expect(blocked.1.isTidy)
  }

  /// Oracle: central differences in Double of L = sum(g * BN(x)); step 1e-4 leaves an error near 1e-7.
  @Test("the gradient agrees with finite differences", arguments: [8, 16])
  func finiteDifferences(channelBlock: Int) {
    let shape = BlockedShape(n: 2, c: 3, h: 2, w: 3, channelBlock: channelBlock)
    let x = KernelShapes.random(shape, seed: 9)
    let gradient = KernelShapes.random(shape, seed: 10)
    let gamma = self.gamma(shape)
    func loss(_ x: [Double]) -> Double {
      let statistics = self.statistics(x, shape)
      return x.indices.reduce(0) { sum, index in
        let channel = KernelShapes.channel(index, shape)
        let (mean, variance) = statistics[channel]
        let normal = (x[index] - mean) / (variance + Double(epsilon)).squareRoot()
        return sum + Double(gradient[index]) * normal * Double(gamma[channel])
      }
    }
    let expected = x.indices.map { index in
      var moved = x.map(Double.init)
      moved[index] += 1e-4
      let above = loss(moved)
      moved[index] -= 2e-4
      return (above - loss(moved)) / 2e-4
    }
    let buffers = forward(x, shape)
    let incoming = arena.tensor(gradient, shape)
    let dx = arena.tensor(shape)
    let input = arena.tensor(x, shape)
    BatchNormBackwardKernel.sums(
      input.values, IncomingGradient(incoming.values), shape.whole, channels: buffers.channels, sum: buffers.sum,
      sumOfProducts: buffers.products)
    BatchNormBackwardKernel.apply(
      input.values, IncomingGradient(incoming.values), dx.values, shape.whole, gamma: gamma, channels: buffers.channels,
      sum: buffers.sum, sumOfProducts: buffers.products, count: Double(shape.elementsPerChannel))
    #expect(KernelShapes.worst(dx.dense, expected, absolute: 3e-6) == nil)
  }

  /// Oracle: g * gamma / sqrt(variance + epsilon) in Double, three roundings.
  @Test("with frozen statistics the gradient is scaled", arguments: KernelShapes.all)
  func frozen(shape: BlockedShape) {
    let gradient = KernelShapes.random(shape, seed: 11)
    let running = (mean: KernelShapes.random(shape.c, seed: 12), variance: (0..<shape.c).map { Float($0 + 1) })
    let gamma = self.gamma(shape)
    let mask = arena.mask(shape, factor: 1.25, seed: 13)
    let buffers = arena.channels(shape)
    BatchNormForwardKernel.useRunning(
      mean: running.mean, variance: running.variance, gamma: gamma, beta: gamma, epsilon: epsilon, shape.whole,
      into: buffers.channels)
    let dx = arena.tensor(shape)
    BatchNormBackwardKernel.applyFrozen(
      IncomingGradient(arena.tensor(gradient, shape).values, mask: mask.mask), dx.values, shape.whole,
      scale: buffers.channels.scale)
    let expected = gradient.indices.map { index in
      let channel = KernelShapes.channel(index, shape)
      let scale = Double(gamma[channel]) / (Double(running.variance[channel]) + Double(epsilon)).squareRoot()
      return Double(gradient[index]) * scale * mask.factor(index)
    }
    #expect(KernelShapes.worst(dx.dense, expected, relative: 3e-7) == nil)
    #expect(dx.isTidy)
  }

  @Test("parameter gradients are written or added")
  func parameterGradients() {
    let shape = BlockedShape(n: 1, c: 2, h: 1, w: 1, channelBlock: 8)
    let buffers = arena.channels(shape)
    for channel in 0..<2 {
      buffers.sum[channel] = 1 + Double(channel)
      buffers.products[channel] = 10 + Double(channel)
    }
    var gamma: [Float] = [100, 100]
    var beta: [Float] = [200, 200]
    BatchNormBackwardKernel.parameterGradients(
      sum: buffers.sum, sumOfProducts: buffers.products, shape.whole, gamma: &gamma, beta: &beta, accumulate: true)
    #expect(gamma == [110, 111] && beta == [201, 202])
    BatchNormBackwardKernel.parameterGradients(
      sum: buffers.sum, sumOfProducts: buffers.products, shape.whole, gamma: &gamma, beta: &beta, accumulate: false)
    #expect(gamma == [10, 11] && beta == [1, 2])
  }

  @Test("threads do not change a bit", arguments: KernelShapes.all)
  func threads(shape: BlockedShape) {
    let x = arena.tensor(KernelShapes.random(shape, seed: 14), shape)
    let gradient = arena.tensor(KernelShapes.random(shape, seed: 15), shape)
    let mask = arena.mask(shape, factor: 1.3, seed: 16)
    #expect(
      KernelShapes.isSameForAllThreads {
        let buffers = arena.channels(shape)
        BatchNormForwardKernel.sums(x.values, shape.whole, sum: buffers.sum, sumOfSquares: buffers.products)
        let forward = (0..<shape.paddedChannels).flatMap { [buffers.sum[$0], buffers.products[$0]] }
        buffers.channels.mean.update(repeating: 0.5, count: shape.paddedChannels)
        buffers.channels.inverseDeviation.update(repeating: 2, count: shape.paddedChannels)
        let incoming = IncomingGradient(gradient.values, output: x.values, mask: mask.mask)
        BatchNormBackwardKernel.sums(
          x.values, incoming, shape.whole, channels: buffers.channels,
          sum: buffers.sum, sumOfProducts: buffers.products)
        return forward + (0..<shape.paddedChannels).flatMap { [buffers.sum[$0], buffers.products[$0]] }
      })
  }

  /// Oracle: the same kernels over all channels at once, with the ReLU's result read instead of worked out again.
  @Test("runs of channels and a ReLU that is worked out again change no bit", arguments: KernelShapes.all)
  func runs(shape: BlockedShape) {
    let x = arena.tensor(KernelShapes.random(shape, seed: 17), shape)
    let gradient = arena.tensor(KernelShapes.random(shape, seed: 18), shape)
    let mask = arena.mask(shape, factor: 1.3, seed: 19)
    let gamma = self.gamma(shape)
    let count = Double(shape.elementsPerChannel)
    func outcome(_ runs: [ChannelRun], rectifies: Bool) -> [UInt32] {
      let buffers = arena.channels(shape)
      let (y, dx) = (arena.tensor(shape), arena.tensor(shape))
      let incoming = IncomingGradient(gradient.values, output: rectifies ? nil : y.values, mask: mask.mask)
      for run in runs {
        BatchNormForwardKernel.sums(x.values, run, sum: buffers.sum, sumOfSquares: buffers.products)
        BatchNormForwardKernel.finish(
          sum: buffers.sum, sumOfSquares: buffers.products, count: count, gamma: gamma, beta: gamma.map { 1 - $0 },
          epsilon: epsilon, run, into: buffers.channels)
        BatchNormForwardKernel.scaleShift(
          x.values, y.values, run, scale: buffers.channels.scale, shift: buffers.channels.shift, relu: true,
          mask: mask.mask)
      }
      for run in runs {
        BatchNormBackwardKernel.sums(
          x.values, incoming, run, channels: buffers.channels, rectifies: rectifies, sum: buffers.sum,
          sumOfProducts: buffers.products)
        BatchNormBackwardKernel.apply(
          x.values, incoming, dx.values, run, gamma: gamma, channels: buffers.channels, rectifies: rectifies,
          sum: buffers.sum, sumOfProducts: buffers.products, count: count)
      }
      #expect(y.isTidy && dx.isTidy)
      return y.bits + dx.bits
    }
    let blocks = (0..<shape.channelBlocks).map { ChannelRun(shape: shape, blocks: $0..<$0 + 1) }
    let expected = outcome([shape.whole], rectifies: false)
    for rectifies in [false, true] {
      let isSame = outcome(blocks, rectifies: rectifies) == expected
      #expect(isSame, "rectifies: \(rectifies)")
    }
    #expect(shape.cachedRuns.flatMap { Array($0.blocks) } == Array(0..<shape.channelBlocks))
  }

  private func gamma(_ shape: BlockedShape) -> [Float] { (0..<shape.c).map { 0.5 + 0.05 * Float($0) } }

  private func forward(_ x: [Float], _ shape: BlockedShape) -> KernelChannels {
    let buffers = arena.channels(shape)
    let gamma = self.gamma(shape)
    BatchNormForwardKernel.sums(
      arena.tensor(x, shape).values, shape.whole, sum: buffers.sum, sumOfSquares: buffers.products)
    BatchNormForwardKernel.finish(
      sum: buffers.sum, sumOfSquares: buffers.products, count: Double(shape.elementsPerChannel), gamma: gamma,
      beta: gamma.map { -$0 }, epsilon: epsilon, shape.whole, into: buffers.channels)
    return buffers
  }

  private func statistics<Scalar: BinaryFloatingPoint>(
    _ x: [Scalar], _ shape: BlockedShape
  ) -> [(mean: Double, variance: Double)] {
    (0..<shape.c).map { channel in
      let values = x.indices.filter { KernelShapes.channel($0, shape) == channel }.map { Double(x[$0]) }
      let mean = values.reduce(0, +) / Double(values.count)
      return (mean, values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
    }
  }

  private func backward(
    _ x: [Float], _ gradient: [Double], _ shape: BlockedShape
  ) -> (x: [Double], gamma: [Double], beta: [Double]) {
    let statistics = self.statistics(x, shape)
    let gamma = self.gamma(shape)
    let count = Double(shape.elementsPerChannel)
    var dGamma = [Double](repeating: 0, count: shape.c)
    var dBeta = dGamma
    let normal = x.indices.map { index in
      let (mean, variance) = statistics[KernelShapes.channel(index, shape)]
      return (Double(x[index]) - mean) / (variance + Double(epsilon)).squareRoot()
    }
    for index in x.indices {
      dGamma[KernelShapes.channel(index, shape)] += gradient[index] * normal[index]
      dBeta[KernelShapes.channel(index, shape)] += gradient[index]
    }
    let dx = x.indices.map { index in
      let channel = KernelShapes.channel(index, shape)
      let scale = Double(gamma[channel]) / (statistics[channel].variance + Double(epsilon)).squareRoot()
      return scale * (gradient[index] - dBeta[channel] / count - normal[index] * dGamma[channel] / count)
    }
    return (dx, dGamma, dBeta)
  }
}
