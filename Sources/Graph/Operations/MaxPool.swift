import Tensors

/// Max pooling that remembers which input won.
struct MaxPoolOperation: MapOperation {
  let name: String
  let input: Value
  let outputValue: Value
  let window: Window

  var forgetsOutput: Bool { true }

  func shift(of input: Value) -> ChannelShift { .passedOn }

  func addONNX(to translation: ONNXTranslation) {
    let result = translation.add(
      "MaxPool", for: self, [translation.name(of: input)], window.onnxAttributes + [window.onnxDilations])
    translation.define(outputValue, as: result)
  }

  func plan(_ planner: Planner) -> any PlannedOperation {
    PlannedMaxPool(
      operation: self,
      winners: planner.newActivation("\(name) winners", outputValue.shape),
      kernel: MaxPoolKernel(window, input: BlockedShape(input.shape, channelBlock: planner.engine.channelBlock)))
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
  /// The maximum over windows of (N, C, H, W); padding never wins, the first of equals does.
  ///
  /// Traps for a window that lies outside of the map, and for one of more than 256 pixels.
  public func maxPool(_ name: String, _ input: Value, _ window: Window) -> Value {
    require(window.area <= 256, "\(name): a window of \(window.area) pixels has more places than bfloat16 tells apart")
    let output = newValue(window.results(of: input.shape, channels: input.shape.c))
    append(MaxPoolOperation(name: name, input: input, outputValue: output, window: window))
    return output
  }
}
