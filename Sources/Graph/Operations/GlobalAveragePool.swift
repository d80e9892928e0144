import Tensors

/// The mean of every channel over the pixels of its image.
struct GlobalAveragePoolOperation: MapOperation, PlannedOperation {
  let name: String
  let input: Value
  let outputValue: Value

  func addONNX(to translation: ONNXTranslation) {
    translation.define(
      outputValue, as: translation.add("GlobalAveragePool", for: self, [translation.name(of: input)]))
  }

  func addForward(to planner: Planner) {
    let (x, y) = (planner.buffer(of: input), planner.buffer(of: outputValue))
    let shape = BlockedShape(input.shape, channelBlock: planner.engine.channelBlock)
    planner.add(
      Step(name, kind: "global average pool", .forward, reads: [x], writes: [y]) { _ in
        GlobalAveragePoolKernel.forward(x.elements, shape, y.elements)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(outputGradients[0], limit: 1, name: name, shape: outputValue.shape)
    let result = planner.newActivation("\(name) input gradient", input.shape)
    let shape = BlockedShape(input.shape, channelBlock: planner.engine.channelBlock)
    planner.add(
      Step(name, kind: "global average pool", .backward, reads: addends, writes: [result]) { _ in
        GlobalAveragePoolKernel.backward(addends[0].elements, result.elements, shape)
      })
    planner.addGradient(result, to: input)
  }
}

extension Graph {
  /// The mean of (N, C, H, W) over H and W: (N, C, 1, 1).
  public func globalAveragePool(_ name: String, _ input: Value) -> Value {
    let output = newValue(Shape(input.shape.n, input.shape.c, 1, 1))
    append(GlobalAveragePoolOperation(name: name, input: input, outputValue: output))
    return output
  }
}
