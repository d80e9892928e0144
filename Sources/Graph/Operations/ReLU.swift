import Tensors

/// ReLU on its own: y = max(0, x), in place where nobody else reads x.
struct ReLUOperation: MapOperation, PlannedOperation {
  let name: String
  let input: Value
  let outputValue: Value

  func addONNX(to translation: ONNXTranslation) {
    translation.define(outputValue, as: translation.add(.relu, for: self, on: translation.name(of: input)))
  }

  func addForward(to planner: Planner) {
    planner.computeInPlace(input, outputValue)
    let (x, y) = (planner.buffer(of: input), planner.buffer(of: outputValue))
    let count = x.count
    planner.add(
      Step(name, kind: "relu", .forward, reads: [x], writes: [y]) { _ in
        ElementwiseKernel.relu(x.elements, y.elements, count: count)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(outputGradients[0], limit: 2, name: name, shape: outputValue.shape)
    let y = planner.buffer(of: outputValue)
    let result = planner.overwritable(addends, label: "\(name) input gradient", input.shape)
    let count = y.count
    planner.add(
      Step(name, kind: "relu", .backward, reads: addends + [y], writes: [result]) { _ in
        ElementwiseKernel.gradient(IncomingGradient(addends, output: y), result.elements, count: count)
      })
    planner.addGradient(result, to: input)
  }
}

extension Graph {
  /// max(0, x) of (N, C, H, W), made once for all that ask, under the name of the first.
  public func relu(_ name: String, _ input: Value) -> Value {
    if let known = readers(of: input).lazy.compactMap({ self.nodes[$0] as? ReLUOperation }).first {
      return known.outputValue
    }
    let output = newValue(input.shape)
    append(ReLUOperation(name: name, input: input, outputValue: output))
    return output
  }
}
