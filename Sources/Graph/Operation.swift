import Tensors

/// One node of a graph: which values it reads and makes, and how to plan its work.
protocol Operation {
  /// The module's name in the model, for profiles and messages.
  var name: String { get }
  /// Values that it reads, in order.
  var inputs: [Value] { get }
  /// The values that it makes; losses make none.
  var outputs: [Value] { get }
  /// Parameters that it reads.
  var parameters: [ParameterID] { get }
  /// Whether its backward pass does without its output, so that a mask may be applied where that lies.
  var forgetsOutput: Bool { get }
  /// What becomes of a constant that is added to all of a channel of an input in training.
  func shift(of input: Value) -> ChannelShift
  /// Chooses layouts and primitives for the shapes of this node.
  func plan(_ planner: Planner) -> any PlannedOperation
  /// Adds what it computes at inference in ONNX; throws 78, naming it, where ONNX has no form of it.
  func addONNX(to translation: ONNXTranslation) throws(InputError)
}

extension Operation {
  var parameters: [ParameterID] { [] }
  var forgetsOutput: Bool { false }
  func shift(of input: Value) -> ChannelShift { .felt }
}

extension Operation where Self: PlannedOperation {
  /// Operations whose kernels have no choice are planned as they are.
  func plan(_ planner: Planner) -> any PlannedOperation { self }
}

/// An operation that makes one value of one.
protocol MapOperation: Operation {
  var input: Value { get }
  var outputValue: Value { get }
}

extension MapOperation {
  var inputs: [Value] { [input] }
  var outputs: [Value] { [outputValue] }
}

/// An operation whose primitives are chosen, able to add its steps to a plan.
protocol PlannedOperation {
  /// Adds the forward steps.
  func addForward(to planner: Planner)
  /// Adds the backward steps, given every addend of the gradient of each output.
  ///
  /// Reports the gradient of each input that needs one with `planner.addGradient`.
  func addBackward(to planner: Planner, outputGradients: [[Buffer]])
}

extension PlannedOperation {
  /// Operations that are never differentiated, such as the input.
  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {}
}

/// One piece of work of a plan, run in order.
final class Step {
  /// The part of the training step that it belongs to.
  enum Pass: String, Sendable {
    case prepare, forward, backward
  }

  let name: String
  let kind: String
  let pass: Pass
  /// Floating-point operations of one run, where the count says something.
  let floatingPointOperations: Double
  let algorithm: String
  /// The fewest floating-point operations that any method needs for it.
  let leastOperations: Double
  /// Whether it runs a reference implementation: right, and a hundred times slower than others.
  let isReference: Bool
  let reads: [Buffer]
  let writes: [Buffer]
  let run: (RunContext) -> Void
  /// How far the backward pass is once this step has run.
  var progress = BackwardProgress()

  init(
    _ name: String, kind: String, _ pass: Pass, algorithm: String = "", floatingPointOperations: Double = 0,
    leastOperations: Double = 0, isReference: Bool = false, reads: [Buffer], writes: [Buffer],
    run: @escaping (RunContext) -> Void
  ) {
    (self.name, self.kind, self.pass, self.algorithm) = (name, kind, pass, algorithm)
    (self.reads, self.writes, self.run) = (reads, writes, run)
    self.floatingPointOperations = floatingPointOperations
    (self.leastOperations, self.isReference) = (leastOperations, isReference)
  }

  /// What tables and timelines call it.
  private(set) lazy var label = WorkLabel(
    name, pass: pass.rawValue, kind: kind, algorithm: algorithm, floatingPointOperations: floatingPointOperations,
    leastOperations: leastOperations, isReference: isReference)
}
