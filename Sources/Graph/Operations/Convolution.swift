import Tensors

/// A two-dimensional convolution with optional bias and ReLU: y[o] = activation(sum over i of w[o, i] * x[i] + b[o]).
struct ConvolutionOperation: Operation {
  let name: String
  let input: Value
  let outputValue: Value
  let weight: ParameterID
  let bias: ParameterID?
  let kernel: Int
  let stride: Int
  let padding: Padding
  let activation: Activation

  var inputs: [Value] { [input] }
  var output: Value? { outputValue }
  var parameters: [ParameterID] { [weight] + (bias.map { [$0] } ?? []) }

  func plan(_ planner: Planner) -> any PlannedOperation {
    if let norm = planner.folding.norm(behind: outputValue) { return FoldedConvolution(self, norm, planner) }
    return PlannedConvolution(self, planner)
  }
}

extension Graph {
  /// A convolution of square kernels.
  ///
  /// - Parameters:
  ///   - name: the module; the weight is `name.weight`, (channels, C, kernel, kernel), and the bias `name.bias`.
  ///   - input: (N, C, H, W).
  ///   - initializer: of the weight.
  ///   - bias: the initial bias of every channel, or nil for a convolution without one.
  ///   - isTrained: whether the weight and the bias are learned.
  ///   - activation: what follows in the same pass over memory.
  /// - Returns: (N, channels, H', W').
  public func convolution(
    _ name: String, _ input: Value, channels: Int, kernel: Int, stride: Int = 1, padding: Padding,
    initializer: Parameter.Initializer, bias: Parameter.Initializer? = nil, isTrained: Bool = true,
    activation: Activation = .none
  ) -> Value {
    let role = isTrained ? Parameter.Role.trained(decay: true) : .frozen
    let weight = parameter(
      .weight("\(name).weight", Shape(channels, input.shape.c, kernel, kernel), role: role, initializer))
    let biasID = bias.map { parameter(.vector("\(name).bias", channels: channels, role: role, $0)) }
    let output = newValue(padding.output(input.shape, channels: channels, kernel: kernel, stride: stride))
    append(
      ConvolutionOperation(
        name: name, input: input, outputValue: output, weight: weight, bias: biasID, kernel: kernel, stride: stride,
        padding: padding, activation: activation))
    return output
  }
}

private struct PlannedConvolution: PlannedOperation {
  private typealias Argument = COneDNNArguments

  private let operation: ConvolutionOperation
  private var problem: ConvolutionProblem

  init(_ operation: ConvolutionOperation, _ planner: Planner) {
    self.operation = operation
    problem = ConvolutionProblem(
      input: operation.input.shape, output: operation.outputValue.shape,
      weight: planner.slots[operation.weight.index].parameter.shape, stride: operation.stride,
      padding: operation.padding, hasBias: operation.bias != nil, activation: operation.activation,
      precision: planner.precision, outputPrecision: planner.precision(of: operation.outputValue),
      engine: planner.engine)
    problem.mayRearrange = planner.mode == .training
  }

  func addForward(to planner: Planner) {
    let weight = planner.slots[operation.weight.index]
    if planner.precision != .f32 { weight.adopt(masterLayout(planner)) }
    let pass = PlannedConvolutionPass(
      .forward, of: problem, name: operation.name, weightLayout: weight.layout, planner)
    bindWeights(of: pass, for: .forward, planner)
    if let bias = operation.bias.map({ planner.slots[$0.index] }) {
      bias.adopt(problem.biasLayout)
      bindBias(bias, of: pass, planner)
    }
    var converted: [ObjectIdentifier: Buffer] = [:]
    pass.read(Argument.source, planner.buffer(of: operation.input), converted: &converted)
    pass.write(Argument.destination, planner.buffer(of: operation.outputValue))
    planner.add(pass.step(operation.name, kind: "convolution"))
  }

  /// The layout of a float weight whose copies alone convolutions read: that of its gradient.
  private func masterLayout(_ planner: Planner) -> Layout {
    let gradient = planner.isTrained(operation.weight) ? problem.description(.backwardWeights, .direct) : nil
    return gradient?.layout(Argument.weightsGradient)
      ?? Layout(planner.slots[operation.weight.index].parameter.extents, .plain)
  }

  private func bindWeights(of pass: PlannedConvolutionPass, for part: Step.Pass, _ planner: Planner) {
    let weight = planner.slots[operation.weight.index]
    let copy = weight.copy(in: pass.weightLayout, for: part, planner: planner)
    let reads = copy.map { [$0] } ?? []
    guard let expansion = pass.expansion else {
      pass.read(Argument.weights, reads: reads) { copy?.base ?? UnsafeMutableRawPointer(weight.value) }
      return
    }
    let expanded = planner.newBuffer("\(operation.name) expanded weight", byteCount: expansion.byteCount)
    let order = ConvolutionProblem.weightOrder(part == .forward ? .forward : .backwardData)
    planner.add(
      Step(operation.name, kind: "weight expansion", part, reads: reads, writes: [expanded]) { _ in
        expansion.expand(copy?.floats ?? weight.value, to: expanded.floats, order)
      })
    pass.read(Argument.weights, reads: [expanded]) { expanded.base }
  }

  private func bindBias(_ bias: ParameterSlot, of pass: PlannedConvolutionPass, _ planner: Planner) {
    guard let expansion = pass.expansion else {
      pass.read(Argument.bias, reads: []) { UnsafeMutableRawPointer(bias.value) }
      return
    }
    let expanded = planner.newBuffer("\(operation.name) expanded bias", byteCount: expansion.biasByteCount)
    planner.add(
      Step(operation.name, kind: "weight expansion", .forward, reads: [], writes: [expanded]) { _ in
        expansion.expand(bias: bias.value, to: expanded.floats)
      })
    pass.read(Argument.bias, reads: [expanded]) { expanded.base }
  }

  func addBackward(to planner: Planner, outputGradients: [Buffer]) {
    let gradient = incomingGradient(outputGradients, planner)
    var converted: [ObjectIdentifier: Buffer] = [:]
    // The weight gradient comes first: its bucket leaves while the gradient of the input is being computed.
    if planner.isTrained(operation.weight) { addBackwardWeights(to: planner, gradient, &converted) }
    if planner.wantsGradient(operation.input) { addBackwardData(to: planner, gradient, &converted) }
  }

  /// The gradient of the convolution itself: that of its result with the ReLU undone.
  private func incomingGradient(_ outputGradients: [Buffer], _ planner: Planner) -> Buffer {
    let value = operation.outputValue
    switch operation.activation {
    case .none: return planner.merge(outputGradients, limit: 1, name: operation.name, shape: value.shape)[0]
    case .relu:
      let addends = planner.merge(outputGradients, limit: 2, name: operation.name, shape: value.shape)
      let y = planner.buffer(of: value)
      let gradient = planner.overwritable(addends, label: "\(operation.name) gradient", value.shape)
      planner.add(
        Step(operation.name, kind: "relu", .backward, reads: addends + [y], writes: [gradient]) { _ in
          ElementwiseKernel.gradient(IncomingGradient(addends, output: y), gradient.elements, count: gradient.count)
        })
      return gradient
    }
  }

  private func addBackwardWeights(
    to planner: Planner, _ gradient: Buffer, _ converted: inout [ObjectIdentifier: Buffer]
  ) {
    let bias = operation.bias.map {
      (slot: planner.slots[$0.index], isZero: planner.biasesWithoutGradient.contains($0))
    }
    let pass = PlannedConvolutionPass(
      .backwardWeights, of: bias?.isZero == true ? problem.withoutBias : problem, name: operation.name,
      weightLayout: planner.slots[operation.weight.index].layout, planner)
    pass.read(Argument.source, planner.buffer(of: operation.input), converted: &converted)
    pass.read(Argument.destinationGradient, gradient, converted: &converted)
    var targets = [GradientTarget(planner.slots[operation.weight.index], pass.weightLayout, planner)]
    let weightTarget = targets[0]
    var fold = {}
    if let expansion = pass.expansion {
      let expanded = planner.newBuffer("\(operation.name) expanded gradient", byteCount: expansion.byteCount)
      pass.write(Argument.weightsGradient, writes: weightTarget.buffers + [expanded]) { expanded.base }
      fold = {
        expansion.fold(expanded.floats, to: weightTarget.destination.assumingMemoryBound(to: Float.self))
      }
    } else {
      pass.write(Argument.weightsGradient, writes: weightTarget.buffers) { weightTarget.destination }
    }
    if let bias, !bias.isZero {
      let target = GradientTarget(bias.slot, problem.biasLayout, planner)
      pass.write(Argument.biasGradient, writes: target.buffers) { target.destination }
      targets.append(target)
    }
    let step = pass.step(operation.name, kind: "convolution weights") { [targets, fold] in
      fold()
      for target in targets { target.finish() }
    }
    planner.add(step)
    for target in targets { target.slot.noteGradient(step) }
    // Nobody writes to it, and it starts at zero.
    if let bias, bias.isZero { bias.slot.noteGradient(step) }
  }

  private func addBackwardData(
    to planner: Planner, _ gradient: Buffer, _ converted: inout [ObjectIdentifier: Buffer]
  ) {
    let pass = PlannedConvolutionPass(
      .backwardData, of: problem, name: operation.name, weightLayout: planner.slots[operation.weight.index].layout,
      planner)
    bindWeights(of: pass, for: .backward, planner)
    let result = planner.newActivation("\(operation.name) input gradient", operation.input.shape)
    pass.read(Argument.destinationGradient, gradient, converted: &converted)
    pass.write(Argument.sourceGradient, result)
    planner.add(pass.step(operation.name, kind: "convolution data"))
    planner.addGradient(result, to: operation.input)
  }
}
