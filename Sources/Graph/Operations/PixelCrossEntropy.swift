import Tensors

/// The loss of a segmentation, forward and backward in one pass: the weighted sum over pixels of the cross-entropy.
///
/// The gradient replaces the logits: nothing else of the step reads them, unless they are an output of the graph.
struct PixelCrossEntropyOperation: Operation, PlannedOperation {
  let name: String
  let logits: Value

  var inputs: [Value] { [logits] }
  var outputs: [Value] { [] }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  func addForward(to planner: Planner) {
    let x = planner.buffer(of: logits)
    let gradient = planner.lossGradient(of: logits)
    let kernel = PixelCrossEntropyKernel(
      shape: BlockedShape(logits.shape, channelBlock: planner.engine.channelBlock))
    planner.add(
      Step(name, kind: "pixel cross-entropy", .forward, reads: [x], writes: [gradient]) { context in
        let targets: SegmentationTargets = context.targets(of: name)
        let found = kernel.run(
          x.elements, gradient: gradient.elements, classes: targets.classes, weight: targets.weight)
        targets.loss += found.loss * Double(targets.weight)
        targets.correctCount += found.correctCount
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    planner.addGradient(planner.lossGradient(of: logits), to: logits)
  }
}

extension Graph {
  /// The cross-entropy of class logits (N, K, H, W) at each pixel that counts; see `SegmentationTargets`.
  public func pixelCrossEntropy(_ name: String, _ logits: Value) {
    append(PixelCrossEntropyOperation(name: name, logits: logits))
  }
}
