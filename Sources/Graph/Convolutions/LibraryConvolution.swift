import COneDNN
import Tensors

/// oneDNN's direct convolution: one primitive for each map.
final class LibraryConvolution: ConvolutionMethod {
  let implementation: String
  let isReference: Bool
  let multiplications: Double
  let needsFloats: Bool
  let weight: WeightForm
  let scratchBytes: Int

  private let pass: ConvolutionPass
  private let engine: Engine
  private let descriptions: [PrimitiveDescription]
  /// Compiled when it first runs: candidates that are not chosen never are.
  private lazy var primitives = descriptions.map {
    Primitive($0, engine: engine, arguments: pass.activations + pass.parameters(hasBias: hasBias))
  }
  private let hasBias: Bool
  private let outputChannels: Int
  /// Bytes of the gradients of weight and bias of a map that are added to those of the first one.
  private let addendBytes: (weight: Int, bias: Int)

  /// The method for a pass, or nil where oneDNN has no implementation.
  init?(_ pass: ConvolutionPass, _ problem: ConvolutionProblem) {
    needsFloats = pass == .backwardWeights && problem.hasIdleTaps && problem.precision != .f32
    (self.pass, engine) = (pass, problem.engine)
    (hasBias, outputChannels) = (problem.hasBias, problem.weight.n)
    var layout: Layout?
    var descriptions: [PrimitiveDescription] = []
    for map in problem.maps {
      guard let description = problem.description(pass, of: map, weight: layout, inFloats: needsFloats) else {
        return nil
      }
      layout = layout ?? description.layout(pass.parameters(hasBias: false)[0])
      descriptions.append(description)
    }
    guard let layout else { return nil }
    self.descriptions = descriptions
    let names = descriptions.map(\.implementation)
    isReference = names.contains { $0.hasPrefix("ref") }
    implementation = Set(names).count == 1 ? names[0] : names.joined(separator: " ")
    multiplications = problem.multiplications
    weight = WeightForm(layout: layout)
    let isSummed = pass == .backwardWeights && problem.maps.count > 1
    addendBytes =
      isSummed ? (layout.byteCount.roundedUpToLine, (4 * problem.weight.n).roundedUpToLine) : (0, 0)
    scratchBytes = (descriptions.map(\.scratchBytes).max() ?? 0) + addendBytes.weight + addendBytes.bias
  }

  func run(_ memory: ConvolutionMemory) {
    let addend = memory.scratch
    let biasAddend = addend + addendBytes.weight
    for (index, primitive) in primitives.enumerated() {
      let isAddend = index > 0 && pass == .backwardWeights
      primitive.place(pass.source, at: memory.sources[index].base)
      primitive.place(pass.destination, at: memory.destinations[index].base)
      primitive.place(pass.parameters(hasBias: false)[0], at: isAddend ? addend : memory.weight)
      if let bias = memory.bias, hasBias {
        primitive.place(pass.parameters(hasBias: true)[1], at: isAddend ? biasAddend : UnsafeMutableRawPointer(bias))
      }
      primitive.place(COneDNNArguments.scratchpad, at: biasAddend + addendBytes.bias)
      primitive.run(engine)
      if !isAddend { continue }
      FlatKernel.accumulate(
        memory.weight.assumingMemoryBound(to: Float.self), addend.assumingMemoryBound(to: Float.self),
        count: weight.layout.byteCount / 4)
      if let bias = memory.bias, hasBias {
        let addend = biasAddend.assumingMemoryBound(to: Float.self)
        for channel in 0..<outputChannels { bias[channel] += addend[channel] }
      }
    }
  }
}

extension ConvolutionPass {
  fileprivate typealias Argument = COneDNNArguments

  /// x or its gradient, as oneDNN's argument.
  fileprivate var source: Int { self == .backwardData ? Argument.sourceGradient : Argument.source }
  /// y or its gradient.
  fileprivate var destination: Int { self == .forward ? Argument.destination : Argument.destinationGradient }
  fileprivate var activations: [Int] { [source, destination] }

  /// The weight and the bias of the pass, or their gradients.
  fileprivate func parameters(hasBias: Bool) -> [Int] {
    switch self {
    case .forward: [Argument.weights] + (hasBias ? [Argument.bias] : [])
    case .backwardData: [Argument.weights]
    case .backwardWeights: [Argument.weightsGradient] + (hasBias ? [Argument.biasGradient] : [])
    }
  }
}

extension ConvolutionProblem {
  /// Whether some element of the kernel meets nothing but padding.
  ///
  /// oneDNN 2.6 never writes the gradient of such an element in bfloat16; in floats it is zero.
  fileprivate var hasIdleTaps: Bool {
    func hasIdleTaps(_ axis: WindowAxis, _ size: Int, _ results: Int) -> Bool {
      !(0..<axis.length).allSatisfy { tap in
        (0..<results).contains { axis.taps(ofResult: $0, size: size).contains(tap) }
      }
    }
    return maps.contains { map in
      hasIdleTaps(window.rows, map.input.h, map.output.h) || hasIdleTaps(window.columns, map.input.w, map.output.w)
    }
  }

  /// Whether all pixels of a map are one and channels fill their blocks.
  ///
  /// Then an activation is a plain matrix with a row an image, and the images are as good as the pixels of one row of one
  /// image, channels last: one big product instead of many small ones (twice to six times as fast).
  private func isMatrixProduct(_ map: Map) -> Bool {
    let block = engine.channelBlock
    return groups == 1 && map.input.area == 1 && map.output.area == 1 && weight.area == 1 && weight.c % block == 0
      && weight.n % block == 0
  }

  /// How a pass over a map would be computed, or nil where oneDNN has no such implementation.
  ///
  /// - Parameter wanted: the layout of the weight or its gradient, nil for what the primitive likes best.
  fileprivate func description(
    _ pass: ConvolutionPass, of map: Map, weight wanted: Layout?, inFloats: Bool
  ) -> PrimitiveDescription? {
    let computed = inFloats ? Precision.f32 : precision
    let isMatrix = isMatrixProduct(map)
    func activation(_ shape: Shape, _ precision: Precision) -> Layout {
      isMatrix
        ? Layout(Shape(1, shape.c, 1, shape.n), .channelsLast, precision) : engine.activationLayout(shape, precision)
    }
    let source = isBlocked ? activation(map.input, computed) : Layout(map.input, .plain, computed)
    let steps = shim_window(
      strides: window.axes(\.stride), dilations: window.axes { $0.dilation - 1 }, padding_before: window.axes(\.before),
      padding_after: window.axes(\.after))
    let any = Layout(weightExtents, .any, computed)
    let bias = hasBias ? biasLayout : nil
    let result = activation(map.output, inFloats ? .f32 : outputPrecision)
    // The forward description is a hint for the others, in which the weight is free.
    let forward = PrimitiveDescription {
      shim_convolution_forward(
        $0, engine.handle, addsToResult ? 1 : 0, self.activation == .relu ? 1 : 0, source.handle,
        (pass == .forward ? wanted ?? any : any).handle, bias?.handle, result.handle, steps)
    }
    guard let forward else { return nil }
    let gradient = activation(map.output, computed)
    switch pass {
    case .forward: return forward
    case .backwardData:
      return PrimitiveDescription {
        shim_convolution_backward_data(
          $0, engine.handle, source.handle, (wanted ?? any).handle, gradient.handle, steps, forward.handle)
      }
    case .backwardWeights:
      let weightsGradient = wanted ?? Layout(weightExtents, .any)
      return PrimitiveDescription {
        shim_convolution_backward_weights(
          $0, engine.handle, source.handle, weightsGradient.handle, bias?.handle, gradient.handle, steps, forward.handle
        )
      }
    }
  }
}

extension Window {
  /// A number of both axes, as oneDNN takes it.
  fileprivate func axes(_ value: (WindowAxis) -> Int) -> (dnnl_dim_t, dnnl_dim_t) {
    (dnnl_dim_t(value(rows)), dnnl_dim_t(value(columns)))
  }
}

extension Int {
  /// The next multiple of a cache line's bytes.
  fileprivate var roundedUpToLine: Int { (self + 63) / 64 * 64 }
}
