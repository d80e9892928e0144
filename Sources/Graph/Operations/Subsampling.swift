import ONNX
import Tensors

/// Every second row and column of a map, from one on.
struct SubsamplingOperation: MapOperation, PlannedOperation {
  let name: String
  let input: Value
  let outputValue: Value
  /// The first row and column: 0 or 1.
  let first: Int

  private func kernel(_ planner: Planner) -> SubsamplingKernel {
    SubsamplingKernel(
      input: BlockedShape(input.shape, channelBlock: planner.engine.channelBlock), first: first)
  }

  func addONNX(to translation: ONNXTranslation) {
    let onnx = translation.onnx
    var x = translation.name(of: input)
    var (height, width) = (input.shape.h, input.shape.w)
    if first == 1 && (height % 2 == 1 || width % 2 == 1) {
      // The row and the column of zeros beyond the map.
      let pads = onnx.constant("\(name)/pads", [0, 0, 0, 0, 0, 0, height % 2, width % 2])
      x = translation.add("Pad", for: self, [x, pads])
      (height, width) = (height + height % 2, width + width % 2)
    }
    let range = [("starts", [first, first]), ("ends", [height, width]), ("axes", [2, 3]), ("steps", [2, 2])]
    let result = translation.add("Slice", for: self, [x] + range.map { onnx.constant("\(name)/\($0.0)", $0.1) })
    translation.define(outputValue, as: result)
  }

  func addForward(to planner: Planner) {
    let (x, y, kernel) = (planner.buffer(of: input), planner.buffer(of: outputValue), kernel(planner))
    planner.add(
      Step(name, kind: "subsampling", .forward, reads: [x], writes: [y]) { _ in
        kernel.forward(x.elements, y.elements)
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    let addends = planner.merge(outputGradients[0], limit: 2, name: name, shape: outputValue.shape)
    let (result, kernel) = (planner.newActivation("\(name) input gradient", input.shape), kernel(planner))
    planner.add(
      Step(name, kind: "subsampling", .backward, reads: addends, writes: [result]) { _ in
        kernel.backward(IncomingGradient(addends), result.elements)
      })
    planner.addGradient(result, to: input)
  }
}

extension Graph {
  /// Every second row and column of (N, C, H, W) from `first` on, which is 0 or 1: (N, C, ceil(H / 2), ceil(W / 2)).
  ///
  /// A row or a column beyond the map is zero: the last one from 1 on where their number is odd.
  /// A 1x1 convolution of stride 2 reads nothing else. Behind this operation its stride is 1, which is faster, and several
  /// convolutions share it.
  public func subsampled(_ name: String, _ input: Value, from first: Int = 0) -> Value {
    require((0...1).contains(first), "\(name): every second row from \(first) on")
    let output = newValue(
      Shape(input.shape.n, input.shape.c, (input.shape.h + 1) / 2, (input.shape.w + 1) / 2))
    append(SubsamplingOperation(name: name, input: input, outputValue: output, first: first))
    return output
  }
}
