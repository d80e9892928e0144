import ONNX
import Tensors

/// A two-dimensional convolution with optional bias and ReLU: y[o] = activation(sum over i of w[o, i] * x[i] + b[o]).
///
/// It is applied to one map or to several of different sizes, such as the levels of a pyramid: then the weight is read once for
/// all of them, and its gradient is the sum over them.
struct ConvolutionOperation: Operation {
  let name: String
  let inputs: [Value]
  let outputs: [Value]
  let weight: ParameterID
  let bias: ParameterID?
  let window: Window
  /// Groups of channels that see nothing of each other.
  let groups: Int
  let activation: Activation

  var parameters: [ParameterID] { [weight] + (bias.map { [$0] } ?? []) }

  func plan(_ planner: Planner) -> any PlannedOperation {
    let norms = outputs.compactMap { planner.folding.norm(behind: $0) }
    if norms.count == outputs.count { return FoldedConvolution(self, norms, planner) }
    return PlannedConvolution(self, planner)
  }

  func addONNX(to translation: ONNXTranslation) {
    let attributes = window.onnxAttributes + [window.onnxDilations, ONNXAttribute("group", .integer(groups))]
    for (input, output) in zip(inputs, outputs) {
      let constants =
        translation.folding.norm(behind: output).map { translation.constants(of: self, foldedWith: $0) }
        ?? parameters.map(translation.constant)
      let result = translation.add("Conv", for: self, [translation.name(of: input)] + constants, attributes)
      translation.define(output, as: translation.add(activation, for: self, on: result))
    }
  }

  /// The convolution of some of the maps, with what follows it.
  func problem(
    of maps: Range<Int>, _ planner: Planner, hasBias: Bool, activation: Activation, outputPrecision: Precision,
    addsToResult: Bool = false
  ) -> ConvolutionProblem {
    ConvolutionProblem(
      maps: maps.map { ConvolutionProblem.Map(input: inputs[$0].shape, output: outputs[$0].shape) },
      weight: planner.slots[weight.index].parameter.shape, window: window, groups: groups,
      hasBias: hasBias, activation: activation, precision: planner.precision, outputPrecision: outputPrecision,
      addsToResult: addsToResult, engine: planner.engine,
      isBlocked: !maps.contains { planner.graph.nodes[planner.graph.producer(of: inputs[$0])] is InputOperation })
  }
}

extension Graph {
  /// A convolution.
  ///
  /// - Parameters:
  ///   - name: the module; the weight is `name.weight`, (channels, C / groups, rows, columns of the window), and the bias
  ///     `name.bias`.
  ///   - input: (N, C, H, W).
  ///   - groups: groups of channels that see nothing of each other: 1, or C for one kernel a channel.
  ///   - initializer: of the weight.
  ///   - bias: the initial bias of every channel, or nil for a convolution without one.
  ///   - isTrained: whether the weight and the bias are learned.
  ///   - activation: what follows in the same pass over memory.
  /// - Returns: (N, channels, H', W').
  public func convolution(
    _ name: String, _ input: Value, channels: Int, _ window: Window, groups: Int = 1,
    initializer: Parameter.Initializer, bias: Parameter.Initializer? = nil, isTrained: Bool = true,
    activation: Activation = .none
  ) -> Value {
    convolution(
      name, [input], channels: channels, window, groups: groups, initializer: initializer, bias: bias,
      isTrained: isTrained, activation: activation)[0]
  }

  /// The same convolution of several maps (N, C, H_i, W_i); returns (N, channels, H'_i, W'_i) of each.
  public func convolution(
    _ name: String, _ inputs: [Value], channels: Int, _ window: Window, groups: Int = 1,
    initializer: Parameter.Initializer, bias: Parameter.Initializer? = nil, isTrained: Bool = true,
    activation: Activation = .none
  ) -> [Value] {
    require(!inputs.isEmpty, "\(name): a convolution of nothing")
    let first = inputs[0].shape
    for input in inputs {
      require(
        input.shape.c == first.c && input.shape.n == first.n, "\(name): \(input.shape) beside \(first)")
    }
    require(
      first.c % groups == 0 && channels % groups == 0,
      "\(name): \(first.c) and \(channels) channels do not make \(groups) groups")
    let role = isTrained ? Parameter.Role.trained(decay: true) : .frozen
    let weight = parameter(
      .weight(
        "\(name).weight", Shape(channels, first.c / groups, window.rows.length, window.columns.length), role: role,
        initializer))
    let biasID = bias.map { parameter(.vector("\(name).bias", channels: channels, role: role, $0)) }
    let outputs = inputs.map { newValue(window.results(of: $0.shape, channels: channels)) }
    append(
      ConvolutionOperation(
        name: name, inputs: inputs, outputs: outputs, weight: weight, bias: biasID, window: window, groups: groups,
        activation: activation))
    return outputs
  }
}

private struct PlannedConvolution: PlannedOperation {
  private let operation: ConvolutionOperation
  private let problem: ConvolutionProblem

  init(_ operation: ConvolutionOperation, _ planner: Planner) {
    self.operation = operation
    problem = operation.problem(
      of: operation.outputs.indices, planner, hasBias: operation.bias != nil, activation: operation.activation,
      outputPrecision: planner.precision(of: operation.outputs[0]))
  }

  func addForward(to planner: Planner) {
    let weight = planner.slots[operation.weight.index]
    if planner.precision != .f32 { weight.adopt(masterLayout(planner)) }
    let pass = PlannedConvolutionPass(
      .forward, of: problem, name: operation.name, weightLayout: weight.layout, planner)
    bind(weight, to: pass, .forward, planner)
    if let bias = operation.bias.map({ planner.slots[$0.index] }) {
      bias.adopt(problem.biasLayout)
      pass.read(bias: nil) { bias.value }
    }
    var converted: [ObjectIdentifier: Buffer] = [:]
    pass.bind(sources: operation.inputs.map { planner.buffer(of: $0) }, converted: &converted)
    pass.bind(destinations: operation.outputs.map { planner.buffer(of: $0) }, converted: &converted)
    planner.add(pass.step(operation.name, kind: "convolution"))
  }

  /// The layout of a float weight whose copies alone convolutions read: that of its gradient.
  private func masterLayout(_ planner: Planner) -> Layout {
    if problem.isBlocked && problem.groups == 1 { return problem.weightForm().layout }
    let gradient =
      planner.isTrained(operation.weight) ? ConvolutionAlgorithm.direct.method(.backwardWeights, problem) : nil
    return gradient?.weight.layout ?? Layout(problem.weightExtents, .plain)
  }

  private func bind(
    _ weight: ParameterSlot, to pass: PlannedConvolutionPass, _ part: Step.Pass, _ planner: Planner
  ) {
    pass.read(weight: weight.copy(in: pass.method.weight, for: part, planner: planner)) {
      UnsafeMutableRawPointer(weight.value)
    }
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let gradients = zip(operation.outputs, outputGradients).map { incomingGradient(of: $0, $1, planner) }
    var converted: [ObjectIdentifier: Buffer] = [:]
    // The weight gradient comes first: its bucket leaves while the gradient of the input is being computed.
    if planner.isTrained(operation.weight) { addBackwardWeights(to: planner, gradients, &converted) }
    if operation.inputs.contains(where: planner.wantsGradient) {
      addBackwardData(to: planner, gradients, &converted)
    }
  }

  /// The gradient of the convolution itself: that of its result with the ReLU undone.
  private func incomingGradient(of value: Value, _ outputGradients: [Buffer], _ planner: Planner) -> Buffer {
    require(!outputGradients.isEmpty, "\(operation.name): a map of \(value.shape) has no gradient")
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
    to planner: Planner, _ gradients: [Buffer], _ converted: inout [ObjectIdentifier: Buffer]
  ) {
    let bias = operation.bias.map {
      (slot: planner.slots[$0.index], isZero: planner.biasesWithoutGradient.contains($0))
    }
    let weight = planner.slots[operation.weight.index]
    let pass = PlannedConvolutionPass(
      .backwardWeights, of: bias?.isZero == true ? problem.withoutBias : problem, name: operation.name,
      weightLayout: weight.layout, planner)
    pass.bind(sources: operation.inputs.map { planner.buffer(of: $0) }, converted: &converted)
    pass.bind(destinations: gradients, converted: &converted)
    let weightTarget = GradientTarget(weight, pass.method.weight.layout, planner)
    pass.write(weight: weightTarget)
    var targets = [weightTarget]
    if let bias, !bias.isZero {
      let target = GradientTarget(bias.slot, problem.biasLayout, planner)
      pass.write(bias: target)
      targets.append(target)
    }
    let step = pass.step(operation.name, kind: "convolution weights") { [targets] in
      for target in targets { target.finish() }
    }
    planner.add(step)
    for target in targets { target.slot.noteGradient(step) }
    // Nobody writes to it, and it starts at zero.
    if let bias, bias.isZero { bias.slot.noteGradient(step) }
  }

  private func addBackwardData(
    to planner: Planner, _ gradients: [Buffer], _ converted: inout [ObjectIdentifier: Buffer]
  ) {
    let weight = planner.slots[operation.weight.index]
    let pass = PlannedConvolutionPass(
      .backwardData, of: problem, name: operation.name, weightLayout: weight.layout, planner)
    bind(weight, to: pass, .backward, planner)
    let results = operation.inputs.map { planner.newActivation("\(operation.name) input gradient", $0.shape) }
    pass.bind(destinations: gradients, converted: &converted)
    pass.bind(sources: results, converted: &converted)
    planner.add(pass.step(operation.name, kind: "convolution data"))
    for (input, result) in zip(operation.inputs, results) where planner.wantsGradient(input) {
      planner.addGradient(result, to: input)
    }
  }
}
