import Tensors

/// Max pooling of windows with stride 2 that remembers which input won.
struct MaxPoolOperation: Operation {
  let name: String
  let input: Value
  let outputValue: Value
  /// Rows and columns of a window: 2 or 3.
  let window: Int
  let padding: Padding

  var inputs: [Value] { [input] }
  var outputs: [Value] { [outputValue] }
  var parameters: [ParameterID] { [] }
  var forgetsOutput: Bool { true }

  func shift(of input: Value) -> ChannelShift { .passedOn }

  func plan(_ planner: Planner) -> any PlannedOperation {
    PlannedMaxPool(
      operation: self,
      winners: planner.newActivation("\(name) winners", outputValue.shape),
      kernel: MaxPoolKernel(
        input: BlockedShape(input.shape, channelBlock: planner.engine.channelBlock),
        output: BlockedShape(outputValue.shape, channelBlock: planner.engine.channelBlock), window: window,
        paddingBefore: (padding.top, padding.left)))
  }
}

private struct PlannedMaxPool: PlannedOperation {
  let operation: MaxPoolOperation
  let winners: Buffer
  let kernel: MaxPoolKernel

  func addForward(to planner: Planner) {
    let (x, y) = (planner.buffer(of: operation.input), planner.buffer(of: operation.outputValue))
    planner.add(
      Step(operation.name, kind: "max pool", .forward, reads: [x], writes: [y, winners]) { _ in
        kernel.forward(x.elements, y.elements, places: winners.elements)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(
      outputGradients[0], limit: 1, name: operation.name, shape: operation.outputValue.shape)
    let result = planner.newActivation("\(operation.name) input gradient", operation.input.shape)
    planner.add(
      Step(operation.name, kind: "max pool", .backward, reads: [addends[0], winners], writes: [result]) { _ in
        kernel.backward(
          addends[0].elements, places: winners.elements, result.elements)
      })
    planner.addGradient(result, to: operation.input)
  }
}

extension Graph {
  /// The maximum over square windows with stride 2 of (N, C, H, W); padding never wins, the first of equals does.
  ///
  /// - Parameter window: rows and columns of a window, 2 or 3.
  public func maxPool(_ name: String, _ input: Value, window: Int = 3, padding: Padding) -> Value {
    let output = newValue(padding.output(input.shape, channels: input.shape.c, kernel: window, stride: 2))
    append(MaxPoolOperation(name: name, input: input, outputValue: output, window: window, padding: padding))
    return output
  }
}
