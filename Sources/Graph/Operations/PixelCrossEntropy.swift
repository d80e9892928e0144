import Tensors

/// The loss of a segmentation: the weighted sum over pixels of the cross-entropy.
struct PixelCrossEntropyOperation: LossOperation {
  let name: String
  let predictions: Value

  func addForward(to planner: Planner) {
    let kernel = PixelCrossEntropyKernel(
      shape: BlockedShape(predictions.shape, channelBlock: planner.engine.channelBlock))
    addLoss(to: planner, kind: "pixel cross-entropy") { (x, gradient, targets: SegmentationTargets) in
      let found = kernel.run(x, gradient: gradient, classes: targets.classes, weight: targets.weight)
      targets.loss += found.loss * Double(targets.weight)
      targets.correctCount += found.correctCount
    }
  }
}

extension Graph {
  /// The cross-entropy of class logits (N, K, H, W) at each pixel that counts; see `SegmentationTargets`.
  public func pixelCrossEntropy(_ name: String, _ logits: Value) {
    append(PixelCrossEntropyOperation(name: name, predictions: logits))
  }
}
