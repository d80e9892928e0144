import Regularization
import Tensors

@testable import Graph

/// One operation run alone: what it makes of an input and of the gradient of its output.
///
/// Tensors go in and come out in canonical (N, C, H, W) order; between the ends the operation is planned and run as in
/// a model.
struct Probe {
  let plan: Plan
  /// Feeds the input and catches its gradient.
  let source: ProbeSource
  /// Catches the output and feeds its gradient; nil behind a loss.
  let sink: ProbeSink?

  /// Plans the operation that `describe` puts behind a value (N, C, H, W); a loss returns nil.
  ///
  /// - Parameter forgetsOutput: whether the operation may write over the value.
  init(
    _ shape: Shape, policy: AlgorithmPolicy = .direct, masking: MaskSelection = .none, forgetsOutput: Bool = false,
    _ describe: (Graph, Value) -> Value?
  ) {
    let graph = Graph(masking: masking)
    source = ProbeSource(graph, shape, forgetsOutput: forgetsOutput)
    graph.append(source)
    sink = describe(graph, source.value).map(ProbeSink.init)
    if let sink { graph.append(sink) }
    plan = Plan(graph, engine: Engine(), mode: .training, policy: policy)
  }

  /// Runs forward and backward.
  func run(_ input: [Float], outputGradient: [Float] = [], targets: (any BatchTargets)? = nil) {
    run(input, outputGradient: outputGradient, RunContext(targets: targets))
  }

  /// Runs forward and backward.
  func run(_ input: [Float], outputGradient: [Float], _ context: RunContext) {
    source.tensor = input
    sink?.gradient = outputGradient
    plan.forward(context)
    plan.backward(context)
  }
}

/// Writes a canonical tensor into a value, and reads the value's gradient back.
final class ProbeSource: Operation, PlannedOperation {
  let value: Value
  /// What the value is set to.
  var tensor: [Float] = []
  /// The gradient of the last run.
  private(set) var gradient: [Float] = []
  /// A parameter that nothing reads makes the planner differentiate the value.
  private let parameter: ParameterID
  let forgetsOutput: Bool

  init(_ graph: Graph, _ shape: Shape, forgetsOutput: Bool) {
    self.forgetsOutput = forgetsOutput
    value = graph.newValue(shape)
    parameter = graph.parameter(.vector("probe", channels: 1, role: .trained(decay: false), .constant(0)))
  }

  var name: String { "probe source" }
  var inputs: [Value] { [] }
  var outputs: [Value] { [value] }
  var parameters: [ParameterID] { [parameter] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  func addONNX(to translation: ONNXTranslation) throws(InputError) {
    throw translation.missingForm(of: self, "a probe of tests")
  }

  func addForward(to planner: Planner) {
    let (x, engine) = (planner.buffer(of: value), planner.engine)
    planner.add(
      Step(name, kind: "probe", .forward, reads: [], writes: [x]) { [self] _ in
        write(tensor, value.shape, to: x, engine)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(outputGradients[0], limit: 1, name: name, shape: value.shape)
    let engine = planner.engine
    planner.add(
      Step(name, kind: "probe", .backward, reads: addends, writes: []) { [self] _ in
        gradient = read(value.shape, from: addends[0], engine)
      })
  }
}

/// Reads a value into a canonical tensor, and sets the value's gradient.
final class ProbeSink: Operation, PlannedOperation {
  let value: Value
  /// What the value was in the last run.
  private(set) var tensor: [Float] = []
  /// What the value's gradient is set to.
  var gradient: [Float] = []

  init(_ value: Value) { self.value = value }

  var name: String { "probe sink" }
  var inputs: [Value] { [value] }
  var outputs: [Value] { [] }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  func addONNX(to translation: ONNXTranslation) throws(InputError) {
    throw translation.missingForm(of: self, "a probe of tests")
  }

  func addForward(to planner: Planner) {
    let (y, engine) = (planner.buffer(of: value), planner.engine)
    planner.add(
      Step(name, kind: "probe", .forward, reads: [y], writes: []) { [self] _ in
        tensor = read(value.shape, from: y, engine)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let (result, engine) = (planner.newActivation("probe gradient", value.shape), planner.engine)
    planner.add(
      Step(name, kind: "probe", .backward, reads: [], writes: [result]) { [self] _ in
        write(gradient, value.shape, to: result, engine)
      })
    planner.addGradient(result, to: value)
  }
}

private func write(_ canonical: [Float], _ shape: Shape, to buffer: Buffer, _ engine: Engine) {
  require(canonical.count == shape.count, "\(canonical.count) values for \(shape)")
  canonical.withUnsafeBytes {
    reorder(
      from: $0.baseAddress!, Layout(shape, .plain), to: buffer.base, engine.activationLayout(shape, .f32),
      engine: engine)
  }
}

private func read(_ shape: Shape, from buffer: Buffer, _ engine: Engine) -> [Float] {
  var canonical = [Float](repeating: 0, count: shape.count)
  canonical.withUnsafeMutableBytes {
    reorder(
      from: buffer.base, engine.activationLayout(shape, .f32), to: $0.baseAddress!, Layout(shape, .plain),
      engine: engine)
  }
  return canonical
}
