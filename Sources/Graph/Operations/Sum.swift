import Tensors

/// The sum of values, where no batch-norm stands in front that it could ride on.
struct SumOperation: Operation, PlannedOperation {
  let name: String
  let inputs: [Value]
  let outputValue: Value

  var outputs: [Value] { [outputValue] }
  var forgetsOutput: Bool { true }

  func shift(of input: Value) -> ChannelShift { .passedOn }

  func addONNX(to translation: ONNXTranslation) {
    translation.define(outputValue, as: translation.add("Sum", for: self, inputs.map(translation.name)))
  }

  func addForward(to planner: Planner) {
    let (addends, y) = (inputs.map { planner.buffer(of: $0) }, planner.buffer(of: outputValue))
    let count = y.count
    planner.add(
      Step(name, kind: "sum", .forward, reads: addends, writes: [y]) { _ in
        ElementwiseKernel.sum(addends.map(\.elements), to: y.elements, count: count)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    // Every addend has the gradient of the sum.
    let gradients = planner.merge(outputGradients[0], limit: 1, name: name, shape: outputValue.shape)
    for input in inputs where planner.wantsGradient(input) { planner.addGradient(gradients[0], to: input) }
  }
}

extension Graph {
  /// The sum of values of one shape (N, C, H, W).
  public func sum(_ name: String, _ inputs: [Value]) -> Value {
    require(!inputs.isEmpty, "\(name) has no addends")
    for input in inputs { require(input.shape == inputs[0].shape, "\(name): \(input.shape) beside \(inputs[0].shape)") }
    let output = newValue(inputs[0].shape)
    append(SumOperation(name: name, inputs: inputs, outputValue: output))
    return output
  }
}
