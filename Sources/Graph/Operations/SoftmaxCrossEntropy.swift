import Tensors

/// The loss of a classifier, forward and backward in one pass: the mean over images of the cross-entropy.
///
/// The gradient replaces the logits: nothing else of the step reads them, unless they are an output of the graph.
struct SoftmaxCrossEntropyOperation: Operation, PlannedOperation {
  let name: String
  let logits: Value
  let smoothing: Float

  var inputs: [Value] { [logits] }
  var outputs: [Value] { [] }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  func addForward(to planner: Planner) {
    let x = planner.buffer(of: logits)
    let gradient = planner.lossGradient(of: logits)
    let kernel = SoftmaxCrossEntropyKernel(
      shape: BlockedShape(logits.shape, channelBlock: planner.engine.channelBlock), smoothing: smoothing)
    planner.add(
      Step(name, kind: "cross-entropy", .forward, reads: [x], writes: [gradient]) { context in
        let labels: ClassificationTargets = context.targets(of: name)
        let images = Double(labels.classes.count)
        let results = kernel.run(
          x.elements, gradient: gradient.elements, classes: labels.classes, weight: Float(1 / images))
        labels.loss += results.reduce(0) { $0 + $1.loss } / images
        labels.correctCount += results.count { $0.isCorrect }
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    planner.addGradient(planner.lossGradient(of: logits), to: logits)
  }
}

extension Graph {
  /// The mean over images of the cross-entropy of class logits (N, K, 1, 1); see `ClassificationTargets`.
  ///
  /// - Parameter labelSmoothing: the share of each label that is spread over all classes, in 0..<1: Szegedy et al., 2016.
  public func softmaxCrossEntropy(_ name: String, _ logits: Value, labelSmoothing: Float) {
    append(SoftmaxCrossEntropyOperation(name: name, logits: logits, smoothing: labelSmoothing))
  }
}
