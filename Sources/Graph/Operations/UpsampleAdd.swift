import ONNX
import Tensors

/// How a map takes its pixels from a coarser one.
public enum Interpolation: Hashable, Sendable {
  /// Row y takes row floor(y * h / H), as in torchvision's pyramid.
  case nearest
  /// Between the four next pixels, corners aligned: row y lies at y * (h - 1) / (H - 1), as in the official segmentation code.
  case bilinear

  /// The attributes of ONNX's `Resize`.
  public var onnxAttributes: [ONNXAttribute] {
    switch self {
    case .nearest:
      [
        ONNXAttribute("mode", .text("nearest")), ONNXAttribute("nearest_mode", .text("floor")),
        ONNXAttribute("coordinate_transformation_mode", .text("asymmetric")),
      ]
    case .bilinear:
      [
        ONNXAttribute("mode", .text("linear")),
        ONNXAttribute("coordinate_transformation_mode", .text("align_corners")),
      ]
    }
  }
}

/// The top-down step of a feature pyramid: y = lateral + the coarser map upsampled.
struct UpsampleAddOperation: Operation, PlannedOperation {
  let name: String
  let coarse: Value
  let lateral: Value
  let outputValue: Value
  let interpolation: Interpolation

  var inputs: [Value] { [coarse, lateral] }
  var outputs: [Value] { [outputValue] }

  func addONNX(to translation: ONNXTranslation) {
    let shape = outputValue.shape
    let sizes = translation.onnx.constant("\(name)/sizes", [shape.n, shape.c, shape.h, shape.w])
    let upsampled = translation.add(
      "Resize", for: self, [translation.name(of: coarse), "", "", sizes], interpolation.onnxAttributes)
    translation.define(outputValue, as: translation.add("Add", for: self, [upsampled, translation.name(of: lateral)]))
  }

  private func shapes(_ planner: Planner) -> (coarse: BlockedShape, fine: BlockedShape) {
    let block = planner.engine.channelBlock
    return (
      BlockedShape(coarse.shape, channelBlock: block), BlockedShape(outputValue.shape, channelBlock: block)
    )
  }

  func addForward(to planner: Planner) {
    let (x, skip) = (planner.buffer(of: coarse), planner.buffer(of: lateral))
    let (y, (from, to)) = (planner.buffer(of: outputValue), shapes(planner))
    let run: () -> Void
    switch interpolation {
    case .nearest:
      run = { NearestUpsampleKernel.forward(x.elements, from, skip.elements, y.elements, to) }
    case .bilinear:
      let kernel = BilinearUpsampleKernel(from: from, to: to)
      run = { kernel.forward(x.elements, skip.elements, y.elements) }
    }
    planner.add(Step(name, kind: "upsample and add", .forward, reads: [x, skip], writes: [y]) { _ in run() })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    // The lateral's gradient is the output's own.
    let addends = planner.merge(outputGradients[0], limit: 1, name: name, shape: outputValue.shape)
    let result = planner.newActivation("\(name) coarse gradient", coarse.shape)
    let (from, to) = shapes(planner)
    let run: () -> Void
    switch interpolation {
    case .nearest:
      run = { NearestUpsampleKernel.backward(addends[0].elements, to, result.elements, from, accumulate: false) }
    case .bilinear:
      let kernel = BilinearUpsampleKernel(from: from, to: to)
      run = { kernel.backward(addends[0].elements, result.elements) }
    }
    planner.add(Step(name, kind: "upsample and add", .backward, reads: addends, writes: [result]) { _ in run() })
    if planner.wantsGradient(lateral) { planner.addGradient(addends[0], to: lateral) }
    if planner.wantsGradient(coarse) { planner.addGradient(result, to: coarse) }
  }
}

extension Graph {
  /// A lateral map (N, C, H, W) plus a coarser map of the same channels, upsampled to it.
  public func upsampleAdd(
    _ name: String, _ coarse: Value, _ lateral: Value, _ interpolation: Interpolation = .nearest
  ) -> Value {
    require(coarse.shape.c == lateral.shape.c, "\(name): \(coarse.shape) and \(lateral.shape) differ in channels")
    let output = newValue(lateral.shape)
    append(
      UpsampleAddOperation(
        name: name, coarse: coarse, lateral: lateral, outputValue: output, interpolation: interpolation))
    return output
  }
}
