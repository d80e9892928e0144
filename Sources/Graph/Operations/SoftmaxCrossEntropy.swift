import Tensors

/// The loss of a classifier: the mean over images of the cross-entropy, times a weight.
struct SoftmaxCrossEntropyOperation: LossOperation {
  let name: String
  let predictions: Value
  let smoothing: Float
  /// Nil for the loss of the logits that count, 1; else that of an auxiliary head.
  let auxiliaryWeight: Float?

  func addForward(to planner: Planner) {
    let kernel = SoftmaxCrossEntropyKernel(
      shape: BlockedShape(predictions.shape, channelBlock: planner.engine.channelBlock), smoothing: smoothing)
    addLoss(to: planner, kind: "cross-entropy") { (x, gradient, labels: ClassificationTargets) in
      let images = Double(labels.classes.count)
      let weight = Double(auxiliaryWeight ?? 1)
      let results = kernel.run(x, gradient: gradient, classes: labels.classes, weight: Float(weight / images))
      let loss = results.reduce(0) { $0 + $1.loss } / images
      labels.loss += weight * loss
      if auxiliaryWeight == nil {
        labels.correctCount += results.count { $0.isCorrect }
      } else {
        labels.auxiliaryLoss = (labels.auxiliaryLoss ?? 0) + loss
      }
    }
  }
}

extension Graph {
  /// The mean over images of the cross-entropy of class logits (N, K, 1, 1); see `ClassificationTargets`.
  ///
  /// - Parameters:
  ///   - labelSmoothing: the share of each label that is spread over all classes, in 0..<1: Szegedy et al., 2016.
  ///   - auxiliaryWeight: the weight in the sum where these are logits of an auxiliary head; nil for those that count.
  public func softmaxCrossEntropy(
    _ name: String, _ logits: Value, labelSmoothing: Float, auxiliaryWeight: Float? = nil
  ) {
    append(
      SoftmaxCrossEntropyOperation(
        name: name, predictions: logits, smoothing: labelSmoothing, auxiliaryWeight: auxiliaryWeight))
  }
}
