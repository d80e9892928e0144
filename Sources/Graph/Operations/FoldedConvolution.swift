import Tensors

/// A convolution and the batch-norms behind it, where running statistics are constants.
///
/// y = activation(sum over i of w[o, i] * scale[o] * x[i] + shift[o] + scale[o] * b[o] + shortcut): the scale and the shift of
/// a batch-norm go into the weights and the bias, and a residual sum adds to the shortcut where it lies. Maps of one
/// convolution have batch-norms of their own, and so weights of their own.
struct FoldedConvolution: PlannedOperation {
  private let convolution: ConvolutionOperation
  /// The batch-norm behind each map.
  private let norms: [BatchNormOperation]

  init(_ convolution: ConvolutionOperation, _ norms: [BatchNormOperation], _ planner: Planner) {
    (self.convolution, self.norms) = (convolution, norms)
  }

  func addForward(to planner: Planner) {
    for (index, norm) in norms.enumerated() { addForward(of: index, norm, to: planner) }
  }

  private func addForward(of map: Int, _ norm: BatchNormOperation, to planner: Planner) {
    let problem = convolution.problem(
      of: map..<map + 1, planner, hasBias: true, activation: norm.activation,
      outputPrecision: planner.precision(of: norm.outputValue), addsToResult: norm.shortcut != nil)
    if let shortcut = norm.shortcut?.value { planner.overwrite(shortcut, with: norm.outputValue) }
    let pass = PlannedConvolutionPass(.forward, of: problem, name: convolution.name, weightLayout: nil, planner)
    let folded = FoldedWeights(convolution, norm, in: pass.method.weight.layout, planner)
    // Made in front of its reader and not kept: for each map of each layer it would be four times the weight.
    let weights = pass.method.weight.transform.map { transform in
      let transformed = planner.newBuffer("\(norm.name) transformed", byteCount: transform.byteCount)
      planner.add(
        transform.step(norm.name, .forward, reads: [folded.weights], to: transformed) {
          UnsafePointer(folded.weights.floats)
        })
      return transformed
    }
    pass.read(weight: weights ?? folded.weights) { folded.weights.base }
    pass.read(bias: folded.bias) { folded.bias.floats }
    var converted: [ObjectIdentifier: Buffer] = [:]
    pass.bind(sources: [planner.buffer(of: convolution.inputs[map])], converted: &converted)
    pass.bind(destinations: [planner.buffer(of: norm.outputValue)], converted: &converted)
    planner.add(pass.step(convolution.name, kind: "convolution and batch-norm"))
  }
}

/// A batch-norm that the convolution in front of it computes.
struct FoldedBatchNorm: PlannedOperation {
  func addForward(to planner: Planner) {}
}

/// The weights and the bias of one convolution with one batch-norm in them, made when parameters have changed.
///
/// Convolutions that share a weight but not the batch-norm have their own.
private struct FoldedWeights {
  /// In the layout and the precision that the convolution wants.
  let weights: Buffer
  /// One float a channel.
  let bias: Buffer

  init(_ convolution: ConvolutionOperation, _ norm: BatchNormOperation, in layout: Layout, _ planner: Planner) {
    let slot = { (id: ParameterID) in planner.slots[id.index] }
    let weight = slot(convolution.weight)
    let ownBias = convolution.bias.map(slot)
    let (gamma, beta) = (slot(norm.weight), slot(norm.bias))
    let (mean, variance) = (slot(norm.runningMean), slot(norm.runningVariance))
    let shape = BlockedShape(norm.input.shape, channelBlock: planner.engine.channelBlock)
    let plain = layout.plain
    weight.adopt(plain)
    let vectors = [gamma, beta, mean, variance] + (ownBias.map { [$0] } ?? [])
    for vector in vectors { vector.adopt(Layout([shape.c], .plain)) }

    let weights = planner.newBuffer("\(norm.name) folded", byteCount: layout.byteCount, isPersistent: true)
    let bias = planner.newBuffer("\(norm.name) folded bias", byteCount: shape.c * 4, isPersistent: true)
    let scaled = planner.newBuffer("\(norm.name) scaled", byteCount: plain.byteCount)
    let values = planner.newBuffer("\(norm.name) values", byteCount: BatchNormChannels.byteCount(shape))
    let unpacking =
      weight.layout == plain
      ? nil
      : weight.layout.map {
        PlannedReorder($0, plain, planner, source: { UnsafeMutableRawPointer(weight.value) }, target: { scaled.base })
      }
    let packing = PlannedReorder(plain, layout, planner, source: { scaled.base }, target: { weights.base })
    let length = weight.parameter.shape.count / shape.c
    planner.add(
      Step(
        norm.name, kind: "batch-norm folding", .prepare, reads: [],
        writes: [weights, bias, scaled, values, packing.scratch] + (unpacking.map { [$0.scratch] } ?? [])
      ) { _ in
        let channels = BatchNormChannels(values, shape)
        BatchNormForwardKernel.useRunning(
          mean: mean.value, variance: variance.value, gamma: gamma.value, beta: beta.value,
          epsilon: norm.options.epsilon, shape.whole, into: channels)
        unpacking?.run()
        BatchNormFoldingKernel.weights(
          unpacking == nil ? weight.value : scaled.floats, scaled.floats, rows: shape.c, length: length,
          scale: channels.scale)
        BatchNormFoldingKernel.bias(
          ownBias?.value, bias.floats, count: shape.c, scale: channels.scale, shift: channels.shift)
        packing.run()
      })
    (self.weights, self.bias) = (weights, bias)
  }
}
