import Tensors

/// The mean of windows, of those pixels that lie within the map.
struct AveragePoolOperation: MapOperation, PlannedOperation {
  let name: String
  let input: Value
  let outputValue: Value
  let window: Window

  func shift(of input: Value) -> ChannelShift { .passedOn }

  func addONNX(to translation: ONNXTranslation) throws(InputError) {
    // The operator has dilations from operator set 19 on.
    if window.rows.dilation != 1 || window.columns.dilation != 1 {
      throw translation.missingForm(of: self, "an average pool with gaps (\(window))")
    }
    // Padding does not count by default.
    let result = translation.add("AveragePool", for: self, [translation.name(of: input)], window.onnxAttributes)
    translation.define(outputValue, as: result)
  }

  private func kernel(_ planner: Planner) -> AveragePoolKernel {
    AveragePoolKernel(window, input: BlockedShape(input.shape, channelBlock: planner.engine.channelBlock))
  }

  func addForward(to planner: Planner) {
    let (x, y, kernel) = (planner.buffer(of: input), planner.buffer(of: outputValue), kernel(planner))
    planner.add(
      Step(name, kind: "average pool", .forward, reads: [x], writes: [y]) { _ in
        kernel.forward(x.elements, y.elements)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(outputGradients[0], limit: 1, name: name, shape: outputValue.shape)
    let (result, kernel) = (planner.newActivation("\(name) input gradient", input.shape), kernel(planner))
    planner.add(
      Step(name, kind: "average pool", .backward, reads: addends, writes: [result]) { _ in
        kernel.backward(addends[0].elements, result.elements)
      })
    planner.addGradient(result, to: input)
  }
}

extension Graph {
  /// The mean over windows of (N, C, H, W).
  ///
  /// A window that stands over the edge is the mean of what it has of the map, as TensorFlow's. Traps for a window that lies
  /// outside of the map.
  public func averagePool(_ name: String, _ input: Value, _ window: Window) -> Value {
    let output = newValue(window.results(of: input.shape, channels: input.shape.c))
    append(AveragePoolOperation(name: name, input: input, outputValue: output, window: window))
    return output
  }
}
