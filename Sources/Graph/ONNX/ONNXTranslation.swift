import ONNX
import Tensors

/// A graph of symbolic operations in the operators of ONNX, at inference: masks and Dropout do nothing, batch-norms use
/// their running statistics.
///
/// What follows on the graph's values can be added to `onnx` behind them. The weights are read when the file is written.
public final class ONNXTranslation {
  /// The operators so far.
  public let onnx = ONNXGraph()
  /// The batch-norms that are part of convolutions.
  let folding: BatchNormFolding

  private let parameters: [Parameter]
  private let weights: ParameterStore
  private var names: [Value: String] = [:]
  private var parameterNames: [ParameterID: String] = [:]

  /// Translates the operations of a graph; throws 78, naming it, for one that ONNX has no form of.
  ///
  /// - Parameters:
  ///   - weights: the values of its parameters.
  ///   - foldsBatchNorm: whether a batch-norm behind a convolution becomes part of that convolution's weights.
  public init(_ graph: Graph, weights: ParameterStore, foldsBatchNorm: Bool) throws(InputError) {
    (parameters, self.weights) = (graph.parameters, weights)
    folding = foldsBatchNorm ? BatchNormFolding(graph) : BatchNormFolding()
    for node in graph.nodes { try node.addONNX(to: self) }
  }

  /// What a value of the graph is called in ONNX.
  public func name(of value: Value) -> String {
    guard let name = names[value] else { fatalError("value \(value.id) has no name in ONNX yet") }
    return name
  }

  /// Says what a value is called.
  func define(_ value: Value, as name: String) { names[value] = name }

  /// Adds an operator that makes a value of others, named after the operation.
  func add(
    _ type: String, for operation: any Operation, _ inputs: [String], _ attributes: [ONNXAttribute] = []
  ) -> String {
    onnx.add(type, "\(operation.name)/\(type)", inputs, attributes)
  }

  /// What follows on a result of an operation.
  func add(_ activation: Activation, for operation: any Operation, on result: String) -> String {
    switch activation {
    case .none: result
    case .relu: add("Relu", for: operation, [result])
    }
  }

  /// A parameter as a constant, made once.
  func constant(_ id: ParameterID) -> String {
    if let known = parameterNames[id] { return known }
    let (parameter, weights) = (parameters[id.index], weights)
    let name = onnx.constant(parameter.name, shape: parameter.extents) { weights.read(parameter.name) }
    parameterNames[id] = name
    return name
  }

  /// The weight and the bias of a convolution whose results are normalised by what they are.
  func constants(of convolution: ConvolutionOperation, foldedWith norm: BatchNormOperation) -> [String] {
    let (weight, weights) = (parameters[convolution.weight.index], weights)
    let bias = convolution.bias.map { parameters[$0.index].name }
    func vector(_ id: ParameterID) -> [Float] { weights.read(parameters[id.index].name) }
    /// What the running statistics and the learned vectors come to: y = scale * x + shift in each channel.
    func affine() -> (scale: [Float], shift: [Float]) {
      let (gamma, beta) = (vector(norm.weight), vector(norm.bias))
      let (mean, variance) = (vector(norm.runningMean), vector(norm.runningVariance))
      let scale = gamma.indices.map {
        Double(gamma[$0]) / (Double(variance[$0]) + Double(norm.options.epsilon)).squareRoot()
      }
      return (scale.map { Float($0) }, beta.indices.map { Float(Double(beta[$0]) - Double(mean[$0]) * scale[$0]) })
    }
    let folded = onnx.constant("\(norm.name).folded_weight", shape: weight.extents) {
      let (scale, values) = (affine().scale, weights.read(weight.name))
      let length = values.count / scale.count
      return values.indices.map { values[$0] * scale[$0 / length] }
    }
    let foldedBias = onnx.constant("\(norm.name).folded_bias", shape: [norm.input.shape.c]) {
      let (scale, shift) = affine()
      guard let bias else { return shift }
      return zip(shift, zip(scale, weights.read(bias))).map { $0 + $1.0 * $1.1 }
    }
    return [folded, foldedBias]
  }

  /// The error of an operation that cannot be said in ONNX.
  func missingForm(of operation: any Operation, _ reason: String) -> InputError {
    InputError(
      .badConfiguration,
      "\(operation.name): \(reason), which has no form in ONNX; export the weights with --format safetensors instead")
  }
}

extension Window {
  /// The attributes of ONNX's convolutions and pools.
  var onnxAttributes: [ONNXAttribute] {
    [
      ONNXAttribute("kernel_shape", .integers([rows.length, columns.length])),
      ONNXAttribute("strides", .integers([rows.stride, columns.stride])),
      ONNXAttribute("pads", .integers([rows.before, columns.before, rows.after, columns.after])),
    ]
  }

  /// That of windows with gaps.
  var onnxDilations: ONNXAttribute { ONNXAttribute("dilations", .integers([rows.dilation, columns.dilation])) }
}
