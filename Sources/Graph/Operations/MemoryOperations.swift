import Tensors

/// ReLU on its own: y = max(0, x), in place where nobody else reads x.
struct ReLUOperation: Operation, PlannedOperation {
  let name: String
  let input: Value
  let outputValue: Value

  var inputs: [Value] { [input] }
  var outputs: [Value] { [outputValue] }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

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

/// The top-down step of a feature pyramid: y = lateral + nearest-neighbour upsampling of the coarser map.
struct UpsampleAddOperation: Operation, PlannedOperation {
  let name: String
  let coarse: Value
  let lateral: Value
  let outputValue: Value

  var inputs: [Value] { [coarse, lateral] }
  var outputs: [Value] { [outputValue] }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  func addForward(to planner: Planner) {
    let (x, skip) = (planner.buffer(of: coarse), planner.buffer(of: lateral))
    let y = planner.buffer(of: outputValue)
    let from = BlockedShape(coarse.shape, channelBlock: planner.engine.channelBlock)
    let to = BlockedShape(outputValue.shape, channelBlock: planner.engine.channelBlock)
    planner.add(
      Step(name, kind: "upsample and add", .forward, reads: [x, skip], writes: [y]) { _ in
        NearestUpsampleKernel.forward(x.elements, from, skip.elements, y.elements, to)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    // The lateral's gradient is the output's own.
    let addends = planner.merge(outputGradients[0], limit: 1, name: name, shape: outputValue.shape)
    let result = planner.newActivation("\(name) coarse gradient", coarse.shape)
    let from = BlockedShape(coarse.shape, channelBlock: planner.engine.channelBlock)
    let to = BlockedShape(outputValue.shape, channelBlock: planner.engine.channelBlock)
    planner.add(
      Step(name, kind: "upsample and add", .backward, reads: addends, writes: [result]) { _ in
        NearestUpsampleKernel.backward(addends[0].elements, to, result.elements, from, accumulate: false)
      })
    if planner.wantsGradient(lateral) { planner.addGradient(addends[0], to: lateral) }
    if planner.wantsGradient(coarse) { planner.addGradient(result, to: coarse) }
  }
}

extension Graph {
  /// max(0, x) of (N, C, H, W).
  public func relu(_ name: String, _ input: Value) -> Value {
    let output = newValue(input.shape)
    append(ReLUOperation(name: name, input: input, outputValue: output))
    return output
  }

  /// A lateral map (N, C, H, W) plus a coarser map of the same channels, upsampled to it by nearest neighbour.
  ///
  /// Row y of the result takes row floor(y * h / H) of the coarse map, as in torchvision.
  public func upsampleAdd(_ name: String, _ coarse: Value, _ lateral: Value) -> Value {
    require(coarse.shape.c == lateral.shape.c, "\(name): \(coarse.shape) and \(lateral.shape) differ in channels")
    let output = newValue(lateral.shape)
    append(UpsampleAddOperation(name: name, coarse: coarse, lateral: lateral, outputValue: output))
    return output
  }
}
