import Tensors

/// The loss of a classifier: the mean over images of the cross-entropy.
struct SoftmaxCrossEntropyOperation: LossOperation {
  let name: String
  let predictions: Value
  let smoothing: Float

  func addForward(to planner: Planner) {
    let kernel = SoftmaxCrossEntropyKernel(
      shape: BlockedShape(predictions.shape, channelBlock: planner.engine.channelBlock), smoothing: smoothing)
    addLoss(to: planner, kind: "cross-entropy") { (x, gradient, labels: ClassificationTargets) in
      let images = Double(labels.classes.count)
      let results = kernel.run(x, gradient: gradient, classes: labels.classes, weight: Float(1 / images))
      labels.loss += results.reduce(0) { $0 + $1.loss } / images
      labels.correctCount += results.count { $0.isCorrect }
    }
  }
}

extension Graph {
  /// The mean over images of the cross-entropy of class logits (N, K, 1, 1); see `ClassificationTargets`.
  ///
  /// - Parameter labelSmoothing: the share of each label that is spread over all classes, in 0..<1: Szegedy et al., 2016.
  public func softmaxCrossEntropy(_ name: String, _ logits: Value, labelSmoothing: Float) {
    append(SoftmaxCrossEntropyOperation(name: name, predictions: logits, smoothing: labelSmoothing))
  }
}
