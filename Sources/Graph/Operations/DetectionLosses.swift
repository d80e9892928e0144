import Tensors

/// The focal loss of one pyramid level; Lin, Goyal, Girshick, He and Dollár, 2017.
///
/// The loss of a batch is the sum over anchors and classes times the weight of the image, which holds the normaliser.
struct FocalLossOperation: LossOperation {
  let name: String
  let predictions: Value
  let level: Int
  let anchors: Int
  let classes: Int
  let alpha: Float
  let gamma: Float

  func addForward(to planner: Planner) {
    let kernel = FocalLossKernel(
      shape: BlockedShape(predictions.shape, channelBlock: planner.engine.channelBlock), anchors: anchors,
      classes: classes, alpha: alpha, gamma: gamma)
    func run(_ x: Elements, _ gradient: Elements?, _ targets: DetectionTargets) {
      var losses = [Double](repeating: 0, count: targets.classWeights.count)
      kernel.run(
        x, gradient: gradient, weights: targets.classWeights, positives: targets.levels[level].positives,
        ignored: targets.levels[level].ignored, losses: &losses)
      targets.classLoss += zip(losses, targets.classWeights).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    addLoss(to: planner, kind: "focal loss", find: { run($0, nil, $1) }, run: run)
  }
}

/// The box regression loss of one pyramid level over its positive anchors.
struct BoxLossOperation: LossOperation {
  let name: String
  let predictions: Value
  let level: Int
  let distance: BoxDistance

  func addForward(to planner: Planner) {
    let kernel = BoxLossKernel(
      shape: BlockedShape(predictions.shape, channelBlock: planner.engine.channelBlock), distance: distance)
    func run(_ x: Elements, _ gradient: Elements?, _ targets: DetectionTargets) {
      var losses = [Double](repeating: 0, count: targets.boxWeights.count)
      kernel.run(
        x, gradient: gradient, weights: targets.boxWeights, positives: targets.levels[level].positives,
        losses: &losses)
      targets.boxLoss += zip(losses, targets.boxWeights).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    addLoss(to: planner, kind: "box loss", find: { run($0, nil, $1) }, run: run)
  }
}

extension Graph {
  /// The focal loss over class logits (N, anchors * classes, H, W) of one level; see `DetectionTargets`.
  public func focalLoss(
    _ name: String, _ logits: Value, level: Int, anchors: Int, classes: Int, alpha: Float, gamma: Float
  ) {
    require(logits.shape.c == anchors * classes, "\(name): \(logits.shape.c) channels, not \(anchors)x\(classes)")
    append(
      FocalLossOperation(
        name: name, predictions: logits, level: level, anchors: anchors, classes: classes, alpha: alpha, gamma: gamma))
  }

  /// The box loss over codes (N, anchors * 4, H, W) of one level; see `DetectionTargets`.
  public func boxLoss(_ name: String, _ boxes: Value, level: Int, anchors: Int, distance: BoxDistance) {
    require(boxes.shape.c == anchors * 4, "\(name): \(boxes.shape.c) channels, not \(anchors)x4")
    append(BoxLossOperation(name: name, predictions: boxes, level: level, distance: distance))
  }
}
