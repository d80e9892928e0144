import Tensors

/// A convolution and the batch-norm behind it in one primitive, where running statistics are constants.
///
/// y = activation(sum over i of w[o, i] * scale[o] * x[i] + shift[o] + scale[o] * b[o] + shortcut): the scale and the shift of
/// the batch-norm go into the weights and the bias, and a residual sum adds to the shortcut where it lies.
struct FoldedConvolution: PlannedOperation {
  private typealias Argument = COneDNNArguments

  private let convolution: ConvolutionOperation
  private let norm: BatchNormOperation
  private let problem: ConvolutionProblem

  init(_ convolution: ConvolutionOperation, _ norm: BatchNormOperation, _ planner: Planner) {
    (self.convolution, self.norm) = (convolution, norm)
    problem = ConvolutionProblem(
      input: convolution.input.shape, output: convolution.outputValue.shape,
      weight: planner.slots[convolution.weight.index].parameter.shape, stride: convolution.stride,
      padding: convolution.padding, hasBias: true, activation: norm.activation, precision: planner.precision,
      outputPrecision: planner.precision(of: norm.outputValue), addsToResult: norm.shortcut != nil,
      engine: planner.engine)
  }

  func addForward(to planner: Planner) {
    if let shortcut = norm.shortcut?.value { planner.overwrite(shortcut, with: norm.outputValue) }
    let pass = PlannedConvolutionPass(
      .forward, of: problem, name: convolution.name, weightLayout: nil, planner)
    let folded = FoldedWeights(convolution, norm, in: pass.layout(Argument.weights), planner)
    pass.read(Argument.weights, reads: [folded.weights]) { folded.weights.base }
    pass.read(Argument.bias, reads: [folded.bias]) { folded.bias.base }
    var converted: [ObjectIdentifier: Buffer] = [:]
    pass.read(Argument.source, planner.buffer(of: convolution.input), converted: &converted)
    pass.write(Argument.destination, planner.buffer(of: norm.outputValue))
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
    let plain = Layout(weight.parameter.extents, .plain)
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
          epsilon: norm.options.epsilon, shape, into: channels)
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
