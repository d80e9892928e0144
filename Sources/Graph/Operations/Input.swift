import ONNX
import Tensors

/// The images of a batch, in plain (N, C, H, W) order.
struct InputOperation: Operation, PlannedOperation {
  let name = "input"
  let inputs: [Value] = []
  let images: Value
  let parameters: [ParameterID] = []

  var outputs: [Value] { [images] }

  func addONNX(to translation: ONNXTranslation) {
    let shape = images.shape
    let port = ONNXPort(
      "images", [shape.n, shape.c, shape.h, shape.w],
      "Normalised images (N, C, H, W), red first: (byte / 255 - mean) / deviation of each channel.")
    translation.define(images, as: translation.onnx.addInput(port))
  }

  func addForward(to planner: Planner) {
    let floats = planner.declareInput(images)
    let stored = planner.buffer(of: images)
    if stored === floats { return }
    let count = floats.count
    planner.add(
      Step(name, kind: "conversion", .forward, reads: [floats], writes: [stored]) { _ in
        ElementwiseKernel.copy(floats.elements, stored.elements, count: count)
      })
  }
}

extension Graph {
  /// The graph's input: a batch of images (N, C, H, W), normalised.
  public func input(_ shape: Shape) -> Value {
    let value = newValue(shape)
    append(InputOperation(images: value))
    return value
  }
}
