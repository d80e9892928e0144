import Tensors

/// The images of a batch, in plain (N, 3, H, W) order.
struct InputOperation: Operation, PlannedOperation {
  let name = "input"
  let inputs: [Value] = []
  let output: Value?
  let parameters: [ParameterID] = []

  func plan(_ planner: Planner) -> any PlannedOperation {
    if let output { planner.declareInput(output) }
    return self
  }

  func addForward(to planner: Planner) {}
}

extension Graph {
  /// The graph's input: a batch of images (N, 3, H, W), normalised.
  public func input(_ shape: Shape) -> Value {
    let value = newValue(shape)
    append(InputOperation(output: value))
    return value
  }
}
