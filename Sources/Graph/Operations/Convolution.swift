import COneDNN
import Glibc
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

  func plan(_ planner: Planner) -> any PlannedOperation { PlannedConvolution(self, planner) }
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

/// The layouts and algorithms of one convolution at one shape.
private final class PlannedConvolution: PlannedOperation {
  private let operation: ConvolutionOperation
  private let source: Layout
  private let destination: Layout
  private let destinationGradient: Layout
  private let anyWeights: Layout
  private let anyWeightsGradient: Layout
  private let biasLayout: Layout?
  private let key: String

  init(_ operation: ConvolutionOperation, _ planner: Planner) {
    self.operation = operation
    let (x, y) = (operation.input.shape, operation.outputValue.shape)
    // Three-channel images stay plain: their first convolution has kernels for that.
    let precision = planner.precision
    source = x.c <= 4 ? Layout(x, .plain, precision) : planner.engine.activationLayout(x, precision)
    destination = planner.engine.activationLayout(y, planner.precision(of: operation.outputValue))
    destinationGradient = planner.engine.activationLayout(y, precision)
    let weightShape = planner.slots[operation.weight.index].parameter.shape
    anyWeights = Layout(weightShape, .any, precision)
    anyWeightsGradient = Layout(weightShape, .any)
    biasLayout = operation.bias.map { _ in Layout([y.c], .plain) }
    let padding = operation.padding
    key =
      "\(x) k\(operation.kernel) s\(operation.stride) "
      + "p\(padding.top),\(padding.left),\(padding.bottom),\(padding.right) -> \(y)"
  }

  /// Multiplications and additions of one pass.
  private var floatingPointOperations: Double {
    let products = operation.input.shape.c * operation.kernel * operation.kernel
    return 2 * Double(operation.outputValue.shape.count) * Double(products)
  }

  // MARK: Descriptions

  private var strides: [dnnl_dim_t] { [dnnl_dim_t(operation.stride), dnnl_dim_t(operation.stride)] }
  private var paddingBefore: [dnnl_dim_t] {
    [dnnl_dim_t(operation.padding.top), dnnl_dim_t(operation.padding.left)]
  }
  private var paddingAfter: [dnnl_dim_t] {
    [dnnl_dim_t(operation.padding.bottom), dnnl_dim_t(operation.padding.right)]
  }

  private func forwardDescription(_ algorithm: ConvolutionAlgorithm, _ engine: Engine) -> PrimitiveDescription? {
    PrimitiveDescription {
      shim_convolution_forward(
        $0, engine.handle, algorithm == .winograd ? 1 : 0, operation.activation == .relu ? 1 : 0, source.handle,
        anyWeights.handle, biasLayout?.handle, destination.handle, strides, paddingBefore, paddingAfter)
    }
  }

  private func backwardDataDescription(
    _ algorithm: ConvolutionAlgorithm, _ engine: Engine
  ) -> PrimitiveDescription? {
    guard let hint = forwardDescription(algorithm, engine) else { return nil }
    return PrimitiveDescription {
      shim_convolution_backward_data(
        $0, engine.handle, algorithm == .winograd ? 1 : 0, source.handle, anyWeights.handle,
        destinationGradient.handle, strides, paddingBefore, paddingAfter, hint.handle)
    }
  }

  private func backwardWeightsDescription(
    _ algorithm: ConvolutionAlgorithm, _ engine: Engine
  ) -> PrimitiveDescription? {
    guard let hint = forwardDescription(algorithm, engine) else { return nil }
    return PrimitiveDescription {
      shim_convolution_backward_weights(
        $0, engine.handle, algorithm == .winograd ? 1 : 0, source.handle, anyWeightsGradient.handle,
        biasLayout?.handle, destinationGradient.handle, strides, paddingBefore, paddingAfter, hint.handle)
    }
  }

  /// The layout of a float weight whose copies alone convolutions read: that of its gradient.
  private func masterLayout(_ planner: Planner) -> Layout {
    let gradient = planner.isTrained(operation.weight) ? backwardWeightsDescription(.direct, planner.engine) : nil
    return gradient?.layout(COneDNNArguments.weightsGradient)
      ?? Layout(planner.slots[operation.weight.index].parameter.extents, .plain)
  }

  /// The description of a pass with the algorithm that the planner settles on.
  private func choose(
    _ pass: String, arguments: [Int], _ planner: Planner,
    _ describe: (ConvolutionAlgorithm, Engine) -> PrimitiveDescription?
  ) -> (PrimitiveDescription, ConvolutionAlgorithm) {
    var descriptions: [ConvolutionAlgorithm: PrimitiveDescription] = [:]
    for algorithm in ConvolutionAlgorithm.allCases {
      descriptions[algorithm] = describe(algorithm, planner.engine)
    }
    let candidates = ConvolutionAlgorithm.allCases.filter { descriptions[$0] != nil }
    require(!candidates.isEmpty, "oneDNN has no \(pass) convolution for \(key)")
    let chosen = planner.choose("\(pass) \(key)", among: candidates) { algorithm in
      descriptions[algorithm].map { seconds($0, arguments, planner.engine) } ?? .infinity
    }
    guard let description = descriptions[chosen] else { fatalError("\(chosen) was no candidate") }
    return (description, chosen)
  }

  // MARK: Steps

  func addForward(to planner: Planner) {
    typealias Argument = COneDNNArguments
    let (description, algorithm) = choose(
      "forward", arguments: [Argument.source, Argument.weights, Argument.bias, Argument.destination], planner,
      forwardDescription)
    let engine = planner.engine
    let primitive = Primitive(
      description, engine: engine,
      arguments: [Argument.source, Argument.weights, Argument.destination] + (biasLayout == nil ? [] : [Argument.bias]))
    let (x, y) = (planner.buffer(of: operation.input), planner.buffer(of: operation.outputValue))
    let weight = planner.slots[operation.weight.index]
    if planner.precision != .f32 { weight.adopt(masterLayout(planner)) }
    let copy = weight.copy(in: description.layout(Argument.weights), for: .forward, planner: planner)
    let bias = operation.bias.map { planner.slots[$0.index] }
    if let bias, let biasLayout { bias.adopt(biasLayout) }
    let scratch = planner.newBuffer("\(operation.name) scratch", byteCount: description.scratchBytes)
    planner.add(
      Step(
        operation.name, kind: "convolution", .forward, algorithm: "\(algorithm) \(description.implementation)",
        floatingPointOperations: floatingPointOperations,
        reads: [x] + (copy.map { [$0] } ?? []), writes: [y, scratch]
      ) { _ in primitive.run(engine) })
    planner.whenPlaced {
      primitive.place(Argument.source, at: x.base)
      primitive.place(Argument.weights, at: copy?.base ?? UnsafeMutableRawPointer(weight.value))
      if let bias { primitive.place(Argument.bias, at: bias.value) }
      primitive.place(Argument.destination, at: y.base)
      primitive.place(Argument.scratchpad, at: scratch.base)
    }
  }

  func addBackward(to planner: Planner, outputGradients: [Buffer]) {
    let gradient = incomingGradient(outputGradients, planner)
    // The weight gradient comes first: its bucket leaves while the gradient of the input is being computed.
    if planner.isTrained(operation.weight) { addBackwardWeights(to: planner, gradient) }
    if planner.wantsGradient(operation.input) { addBackwardData(to: planner, gradient) }
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

  private func addBackwardData(to planner: Planner, _ gradient: Buffer) {
    typealias Argument = COneDNNArguments
    let (description, algorithm) = choose(
      "backward data", arguments: [Argument.sourceGradient, Argument.weights, Argument.destinationGradient], planner,
      backwardDataDescription)
    let engine = planner.engine
    let primitive = Primitive(
      description, engine: engine,
      arguments: [Argument.sourceGradient, Argument.weights, Argument.destinationGradient])
    let weight = planner.slots[operation.weight.index]
    let copy = weight.copy(in: description.layout(Argument.weights), for: .backward, planner: planner)
    let result = planner.newActivation("\(operation.name) input gradient", operation.input.shape)
    let scratch = planner.newBuffer("\(operation.name) scratch", byteCount: description.scratchBytes)
    planner.add(
      Step(
        operation.name, kind: "convolution data", .backward, algorithm: "\(algorithm) \(description.implementation)",
        floatingPointOperations: floatingPointOperations,
        reads: [gradient] + (copy.map { [$0] } ?? []), writes: [result, scratch]
      ) { _ in primitive.run(engine) })
    planner.whenPlaced {
      primitive.place(Argument.destinationGradient, at: gradient.base)
      primitive.place(Argument.weights, at: copy?.base ?? UnsafeMutableRawPointer(weight.value))
      primitive.place(Argument.sourceGradient, at: result.base)
      primitive.place(Argument.scratchpad, at: scratch.base)
    }
    planner.addGradient(result, to: operation.input)
  }

  private func addBackwardWeights(to planner: Planner, _ gradient: Buffer) {
    typealias Argument = COneDNNArguments
    let (description, algorithm) = choose(
      "backward weights",
      arguments: [Argument.source, Argument.weightsGradient, Argument.biasGradient, Argument.destinationGradient],
      planner, backwardWeightsDescription)
    let engine = planner.engine
    let primitive = Primitive(
      description, engine: engine,
      arguments: [Argument.source, Argument.weightsGradient, Argument.destinationGradient]
        + (biasLayout == nil ? [] : [Argument.biasGradient]))
    let x = planner.buffer(of: operation.input)
    let weight = GradientTarget(
      planner.slots[operation.weight.index], description.layout(Argument.weightsGradient), planner)
    let bias = operation.bias.flatMap { id in
      biasLayout.map { GradientTarget(planner.slots[id.index], $0, planner) }
    }
    let scratch = planner.newBuffer("\(operation.name) scratch", byteCount: description.scratchBytes)
    let step = Step(
      operation.name, kind: "convolution weights", .backward, algorithm: "\(algorithm) \(description.implementation)",
      floatingPointOperations: floatingPointOperations, reads: [x, gradient],
      writes: [scratch] + weight.buffers + (bias?.buffers ?? [])
    ) { _ in
      primitive.run(engine)
      weight.finish(engine)
      bias?.finish(engine)
    }
    planner.add(step)
    weight.slot.noteGradient(step)
    bias?.slot.noteGradient(step)
    planner.whenPlaced {
      primitive.place(Argument.source, at: x.base)
      primitive.place(Argument.destinationGradient, at: gradient.base)
      primitive.place(Argument.weightsGradient, at: weight.destination)
      if let bias { primitive.place(Argument.biasGradient, at: bias.destination) }
      primitive.place(Argument.scratchpad, at: scratch.base)
    }
  }
}

/// The best of three timed runs of a description on memory of its own, in seconds.
private func seconds(_ description: PrimitiveDescription, _ arguments: [Int], _ engine: Engine) -> Double {
  let present = arguments.filter { description.layout($0).byteCount > 0 }
  let primitive = Primitive(description, engine: engine, arguments: present)
  let memory = (present + [COneDNNArguments.scratchpad]).map { argument in
    // Untouched pages would all be the one zero page, and fit the cache.
    let block = AlignedMemory(byteCount: description.layout(argument).byteCount)
    memset(block.base, 0x3c, block.byteCount)
    primitive.place(argument, at: block.base)
    return block
  }
  return withExtendedLifetime(memory) {
    primitive.run(engine)
    var best = Double.infinity
    for _ in 0..<3 {
      let start = monotonicSeconds()
      primitive.run(engine)
      best = min(best, monotonicSeconds() - start)
    }
    return best
  }
}
