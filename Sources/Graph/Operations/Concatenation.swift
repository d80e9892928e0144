import ONNX
import Tensors

/// Maps side by side as the channels of one.
struct ConcatenationOperation: Operation, PlannedOperation {
  let name: String
  let inputs: [Value]
  let outputValue: Value

  var outputs: [Value] { [outputValue] }

  func shift(of input: Value) -> ChannelShift { .passedOn }

  func addONNX(to translation: ONNXTranslation) {
    let result = translation.add(
      "Concat", for: self, inputs.map(translation.name), [ONNXAttribute("axis", .integer(1))])
    translation.define(outputValue, as: result)
  }

  private func kernel(_ planner: Planner) -> ConcatenationKernel {
    ConcatenationKernel(inputs.map { BlockedShape($0.shape, channelBlock: planner.engine.channelBlock) })
  }

  func addForward(to planner: Planner) {
    let (parts, y) = (inputs.map { planner.buffer(of: $0) }, planner.buffer(of: outputValue))
    let kernel = kernel(planner)
    planner.add(
      Step(name, kind: "concatenation", .forward, reads: parts, writes: [y]) { _ in
        for (part, buffer) in parts.enumerated() { kernel.write(part, buffer.elements, y.elements) }
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(outputGradients[0], limit: 2, name: name, shape: outputValue.shape)
    let kernel = kernel(planner)
    var results: [(part: Int, gradient: Buffer)] = []
    for (part, value) in inputs.enumerated() where planner.wantsGradient(value) {
      results.append((part, planner.newActivation("\(name) input gradient", value.shape)))
    }
    planner.add(
      Step(name, kind: "concatenation", .backward, reads: addends, writes: results.map(\.gradient)) { [results] _ in
        let gradient = IncomingGradient(addends)
        for (part, result) in results { kernel.read(part, gradient, result.elements) }
      })
    for (part, result) in results { planner.addGradient(result, to: inputs[part]) }
  }
}

extension Graph {
  /// The channels of maps (N, Ci, H, W) one after the other: (N, C, H, W) with their sum.
  ///
  /// All but the last have a multiple of 16 channels, so that whole blocks of channels are copied.
  public func concatenation(_ name: String, _ inputs: [Value]) -> Value {
    require(!inputs.isEmpty, "\(name) has no parts")
    var shape = inputs[0].shape
    for (part, value) in inputs.enumerated().dropFirst() {
      let other = Shape(value.shape.n, shape.c, value.shape.h, value.shape.w)
      require(other == shape, "\(name): part \(part), \(value.shape), does not lie beside \(shape)")
      require(shape.c % 16 == 0, "\(name): part \(part) starts at channel \(shape.c), no multiple of 16")
      shape.c += value.shape.c
    }
    let output = newValue(shape)
    append(ConcatenationOperation(name: name, inputs: inputs, outputValue: output))
    return output
  }
}
