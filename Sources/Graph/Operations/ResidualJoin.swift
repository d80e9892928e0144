import Tensors

/// The end of a residual block: y = relu(branch + shortcut), each side with an optional DropBlock mask.
struct ResidualJoinOperation: Operation {
  let name: String
  let branch: Value
  let shortcut: Value
  let outputValue: Value
  let shortcutSite: DropBlockSite?

  var inputs: [Value] { [branch, shortcut] }
  var output: Value? { outputValue }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { PlannedResidualJoin(operation: self) }
}

extension Graph {
  /// The sum of a branch and its shortcut (N, C, H, W), then ReLU.
  ///
  /// - Parameter shortcutDropBlockGroup: the ResNet group whose DropBlock masks an identity shortcut here, if any.
  public func residualJoin(
    _ name: String, _ branch: Value, _ shortcut: Value, shortcutDropBlockGroup: Int? = nil
  ) -> Value {
    require(branch.shape == shortcut.shape, "\(name): branch \(branch.shape) and shortcut \(shortcut.shape) differ")
    let site = shortcutDropBlockGroup.map { newDropBlockSite("\(name).shortcut", group: $0, shape: branch.shape) }
    let output = newValue(branch.shape)
    append(
      ResidualJoinOperation(
        name: name, branch: branch, shortcut: shortcut, outputValue: output, shortcutSite: site))
    return output
  }
}

private struct PlannedResidualJoin: PlannedOperation {
  let operation: ResidualJoinOperation

  func addForward(to planner: Planner) {
    let (a, b) = (planner.buffer(of: operation.branch), planner.buffer(of: operation.shortcut))
    let y = planner.buffer(of: operation.outputValue)
    let mask = planner.mask(operation.shortcutSite)
    let count = y.byteCount / 4
    planner.add(
      Step(operation.name, kind: "residual join", .forward, reads: [a, b], writes: [y]) { _ in
        ResidualJoinKernel.forward(
          a.floats, maskA: nil, b.floats, maskB: mask?.bits, y.floats, count: count)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [Buffer]) {
    let addends = planner.merge(
      outputGradients, limit: 2, name: operation.name, shape: operation.outputValue.shape)
    let y = planner.buffer(of: operation.outputValue)
    let branch = planner.overwritable(addends, label: "\(operation.name) gradient", operation.outputValue.shape)
    let mask = planner.mask(operation.shortcutSite)
    // Without a mask both sides have the same gradient, and share its buffer.
    let shortcut = mask.map { _ in
      planner.newActivation("\(operation.name) shortcut gradient", operation.outputValue.shape)
    }
    let count = y.byteCount / 4
    planner.add(
      Step(
        operation.name, kind: "residual join", .backward, reads: addends + [y],
        writes: [branch] + (shortcut.map { [$0] } ?? [])
      ) { _ in
        let gradient = IncomingGradient(addends, output: y)
        if let shortcut {
          ResidualJoinKernel.backward(
            gradient, branch.floats, maskA: nil, shortcut.floats, maskB: mask?.bits, count: count)
        } else {
          ElementwiseKernel.gradient(gradient, branch.floats, count: count)
        }
      })
    if planner.wantsGradient(operation.branch) { planner.addGradient(branch, to: operation.branch) }
    if planner.wantsGradient(operation.shortcut) { planner.addGradient(shortcut ?? branch, to: operation.shortcut) }
  }
}
