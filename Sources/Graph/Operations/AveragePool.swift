import Tensors

/// The mean of windows of 2x2 pixels with stride 2, padded as TensorFlow's SAME.
struct AveragePoolOperation: Operation, PlannedOperation {
  let name: String
  let input: Value
  let outputValue: Value

  var inputs: [Value] { [input] }
  var outputs: [Value] { [outputValue] }
  var parameters: [ParameterID] { [] }

  func shift(of input: Value) -> ChannelShift { .passedOn }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  private func kernel(_ planner: Planner) -> AveragePoolKernel {
    AveragePoolKernel(input: BlockedShape(input.shape, channelBlock: planner.engine.channelBlock))
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
  /// The mean over 2x2 windows with stride 2 of (N, C, H, W): (N, C, ceil(H / 2), ceil(W / 2)).
  ///
  /// The last window of an odd extent has one row or column only, and is the mean of what it has: TensorFlow's SAME.
  public func averagePool(_ name: String, _ input: Value) -> Value {
    let output = newValue(
      Shape(input.shape.n, input.shape.c, (input.shape.h + 1) / 2, (input.shape.w + 1) / 2))
    append(AveragePoolOperation(name: name, input: input, outputValue: output))
    return output
  }
}
