import COneDNN
import Tensors

/// The three computations of a convolution.
enum ConvolutionPass: String, CaseIterable {
  case forward
  case backwardData = "backward data"
  case backwardWeights = "backward weights"

  /// The activations of the pass as oneDNN's arguments, and whether the pass writes them.
  var activations: [(argument: Int, isWritten: Bool)] {
    typealias Argument = COneDNNArguments
    return switch self {
    case .forward: [(Argument.source, false), (Argument.destination, true)]
    case .backwardData: [(Argument.destinationGradient, false), (Argument.sourceGradient, true)]
    case .backwardWeights: [(Argument.source, false), (Argument.destinationGradient, false)]
    }
  }

  /// The weights and biases of the pass.
  func parameters(hasBias: Bool) -> [Int] {
    typealias Argument = COneDNNArguments
    return switch self {
    case .forward: [Argument.weights] + (hasBias ? [Argument.bias] : [])
    case .backwardData: [Argument.weights]
    case .backwardWeights: [Argument.weightsGradient] + (hasBias ? [Argument.biasGradient] : [])
    }
  }
}

/// One convolution at one shape, and oneDNN's descriptions of its passes.
struct ConvolutionProblem {
  private(set) var input: Shape
  private(set) var output: Shape
  /// (O, I, kernel, kernel).
  private(set) var weight: Shape
  private(set) var stride: Int
  private(set) var padding: Padding
  private(set) var hasBias: Bool
  let activation: Activation
  /// What activations and their gradients are stored as.
  let precision: Precision
  /// What the result is stored as: floats where only the caller of the plan reads it.
  let outputPrecision: Precision
  /// Whether the result is added to what its memory holds, before the activation; forward only.
  var addsToResult = false
  /// Whether weights may be expanded and activations merged for it.
  var mayRearrange = false
  /// Whether the weight has blocks of 16 x 16 channels, and not what the primitive likes best.
  private(set) var hasBlockedWeight = false
  let engine: Engine

  /// The same for each image of the batch.
  var ofOneImage: ConvolutionProblem {
    var problem = self
    (problem.input.n, problem.output.n) = (1, 1)
    return problem
  }

  /// The same without a bias.
  var withoutBias: ConvolutionProblem {
    var problem = self
    problem.hasBias = false
    return problem
  }

  /// Whether all maps are one pixel and channels fill their blocks.
  ///
  /// Then an activation is a plain matrix with a row an image, and the images are as good as the pixels of one row of one
  /// image, channels last: one big product instead of many small ones (twice to six times as fast).
  private var isMatrixProduct: Bool {
    let block = engine.channelBlock
    return input.area == 1 && output.area == 1 && weight.h == 1 && weight.w == 1 && input.c % block == 0
      && output.c % block == 0
  }

  /// How the weight is expanded for a matrix product of whole maps, nil where maps are too large or blocks not full.
  var expansion: WeightExpansion? {
    guard mayRearrange, precision == .f32, outputPrecision == .f32, engine.channelBlock == 16, weight.h > 1,
      input.area * output.area <= 16, input.c % 16 == 0, output.c % 16 == 0
    else { return nil }
    return WeightExpansion(input: input, output: output, kernel: weight.h, stride: stride, padding: padding)
  }

  /// The matrix product for the expanded weight.
  private var expanded: ConvolutionProblem {
    var problem = self
    problem.input = Shape(input.n, input.c * input.area, 1, 1)
    problem.output = Shape(output.n, output.c * output.area, 1, 1)
    problem.weight = Shape(problem.output.c, problem.input.c, 1, 1)
    (problem.stride, problem.padding, problem.hasBlockedWeight) = (1, .symmetric(0), true)
    return problem
  }

  /// The order of the blocks of an expanded weight in a pass.
  static func weightOrder(_ pass: ConvolutionPass) -> WeightExpansion.Order {
    switch pass {
    case .forward, .backwardWeights: .outputsFirst
    case .backwardData: .inputsFirst
    }
  }

  /// The layout of a weight that is expanded, or of a gradient that is folded; nil for other algorithms.
  func weightLayout(_ algorithm: ConvolutionAlgorithm) -> Layout? {
    algorithm == .expanded ? Layout(weight, .blockedWeight(.outputsFirst)) : nil
  }

  /// The shape of an activation or its gradient, by oneDNN's argument.
  func activationShape(_ argument: Int) -> BlockedShape {
    let isSource = argument == COneDNNArguments.source || argument == COneDNNArguments.sourceGradient
    return BlockedShape(isSource ? input : output, channelBlock: engine.channelBlock)
  }

  /// The same with all images side by side in one, nil where they are as good alone.
  private var merged: ConvolutionProblem? {
    guard mayRearrange, precision == .f32, weight.h == 1, weight.w == 1, stride == 1, input.area == output.area,
      input.n > 1, (2...64).contains(input.area), input.c > 4
    else { return nil }
    var problem = self
    problem.input = Shape(1, input.c, input.n, input.area)
    problem.output = Shape(1, output.c, output.n, output.area)
    return problem
  }

  /// The layout of an activation as the primitives see it.
  private func layout(_ shape: Shape, _ precision: Precision) -> Layout {
    isMatrixProduct
      ? Layout(Shape(1, shape.c, 1, shape.n), .channelsLast, precision) : engine.activationLayout(shape, precision)
  }

  /// A pass in words, the same where the same algorithms can do the same work.
  func key(of pass: ConvolutionPass) -> String {
    "\(pass.rawValue) \(key)" + (pass == .backwardWeights && hasBias ? " biased" : "")
  }

  /// The convolution in words.
  var key: String {
    "\(input) k\(weight.h) s\(stride) p\(padding.top),\(padding.left),\(padding.bottom),\(padding.right) -> \(output)"
      + (addsToResult ? " added" : "")
  }

  /// Multiplications and additions of one pass.
  var floatingPointOperations: Double { 2 * Double(output.count) * Double(weight.c * weight.h * weight.w) }

  /// The layout of the bias and of its gradient.
  var biasLayout: Layout { Layout([output.c], .plain) }

  /// Whether some element of the kernel meets nothing but padding.
  ///
  /// oneDNN 2.6 never writes the gradient of such an element in bfloat16; in floats it is zero.
  private var hasIdleTaps: Bool {
    func isIdle(_ tap: Int, _ size: Int, _ count: Int, _ before: Int) -> Bool {
      !(0..<count).contains { (0..<size).contains($0 * stride - before + tap) }
    }
    return (0..<weight.h).contains {
      isIdle($0, input.h, output.h, padding.top) || isIdle($0, input.w, output.w, padding.left)
    }
  }

  /// How a pass would be computed, or nil where oneDNN has no such implementation.
  ///
  /// Winograd's transforms exist for floats only. On large maps they beat direct convolution in bfloat16 by so much that
  /// converting the activations pays.
  func description(_ pass: ConvolutionPass, _ algorithm: ConvolutionAlgorithm) -> PrimitiveDescription? {
    switch algorithm {
    case .direct, .winograd: return ownDescription(pass, algorithm)
    case .expanded:
      // An expanded gradient of the bias is nowhere folded.
      guard expansion != nil, !(hasBias && pass == .backwardWeights) else { return nil }
      return expanded.ownDescription(pass, .direct)
    case .merged: return pass == .backwardWeights ? merged?.ownDescription(pass, .direct) : nil
    }
  }

  private func ownDescription(_ pass: ConvolutionPass, _ algorithm: ConvolutionAlgorithm) -> PrimitiveDescription? {
    let needsFloats = algorithm == .winograd || (pass == .backwardWeights && hasIdleTaps)
    let computed = needsFloats ? Precision.f32 : precision
    // A pass that converts its result has no floats to add to.
    if addsToResult && needsFloats && precision != .f32 { return nil }
    // Images of up to four channels stay plain: their first convolution has kernels for that.
    let source = input.c <= 4 ? Layout(input, .plain, computed) : layout(input, computed)
    let isWinograd: Int32 = algorithm == .winograd ? 1 : 0
    let strides = [dnnl_dim_t(stride), dnnl_dim_t(stride)]
    let before = [dnnl_dim_t(padding.top), dnnl_dim_t(padding.left)]
    let after = [dnnl_dim_t(padding.bottom), dnnl_dim_t(padding.right)]
    // The forward description is a hint for the others, in which the weight is free.
    let weights = Layout(weight, pass == .forward ? weightLayoutOrder(pass) : .any, computed)
    let bias = hasBias ? biasLayout : nil
    let result = layout(output, needsFloats ? .f32 : outputPrecision)
    let forward = PrimitiveDescription {
      shim_convolution_forward(
        $0, engine.handle, isWinograd, addsToResult ? 1 : 0, activation == .relu ? 1 : 0, source.handle, weights.handle,
        bias?.handle, result.handle, strides, before, after)
    }
    guard let forward else { return nil }
    let gradient = layout(output, computed)
    switch pass {
    case .forward: return forward
    case .backwardData:
      let weights = Layout(weight, weightLayoutOrder(pass), computed)
      return PrimitiveDescription {
        shim_convolution_backward_data(
          $0, engine.handle, isWinograd, source.handle, weights.handle, gradient.handle, strides, before, after,
          forward.handle)
      }
    case .backwardWeights:
      let weightsGradient = Layout(weight, weightLayoutOrder(pass))
      return PrimitiveDescription {
        shim_convolution_backward_weights(
          $0, engine.handle, isWinograd, source.handle, weightsGradient.handle, bias?.handle, gradient.handle, strides,
          before, after, forward.handle)
      }
    }
  }

  private func weightLayoutOrder(_ pass: ConvolutionPass) -> Layout.Order {
    hasBlockedWeight ? .blockedWeight(Self.weightOrder(pass)) : .any
  }
}
