import Tensors

/// The focal loss of one pyramid level, forward and backward in one pass; Lin, Goyal, Girshick, He and Dollár, 2017.
///
/// The loss of a batch is the sum over anchors and classes times the weight of the image, which holds the normaliser.
/// The gradient replaces the logits: nothing else of the step reads them, unless they are an output of the graph.
struct FocalLossOperation: Operation, PlannedOperation {
  let name: String
  let logits: Value
  let level: Int
  let anchors: Int
  let classes: Int
  let alpha: Float
  let gamma: Float

  var inputs: [Value] { [logits] }
  var outputs: [Value] { [] }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  func addForward(to planner: Planner) {
    let x = planner.buffer(of: logits)
    let gradient = planner.lossGradient(of: logits)
    let kernel = FocalLossKernel(
      shape: BlockedShape(logits.shape, channelBlock: planner.engine.channelBlock), anchors: anchors, classes: classes,
      alpha: alpha, gamma: gamma)
    planner.add(
      Step(name, kind: "focal loss", .forward, reads: [x], writes: [gradient]) { context in
        let targets: DetectionTargets = context.targets(of: name)
        var losses = [Double](repeating: 0, count: targets.classWeights.count)
        kernel.run(
          x.elements, gradient: gradient.elements, weights: targets.classWeights,
          positives: targets.levels[level].positives, ignored: targets.levels[level].ignored, losses: &losses)
        targets.classLoss += zip(losses, targets.classWeights).reduce(0) { $0 + $1.0 * Double($1.1) }
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    planner.addGradient(planner.lossGradient(of: logits), to: logits)
  }
}

/// The box regression loss of one pyramid level over its positive anchors, forward and backward in one pass.
struct BoxLossOperation: Operation, PlannedOperation {
  let name: String
  let boxes: Value
  let level: Int
  let distance: BoxDistance

  var inputs: [Value] { [boxes] }
  var outputs: [Value] { [] }
  var parameters: [ParameterID] { [] }

  func plan(_ planner: Planner) -> any PlannedOperation { self }

  func addForward(to planner: Planner) {
    let x = planner.buffer(of: boxes)
    let gradient = planner.lossGradient(of: boxes)
    let kernel = BoxLossKernel(
      shape: BlockedShape(boxes.shape, channelBlock: planner.engine.channelBlock), distance: distance)
    planner.add(
      Step(name, kind: "box loss", .forward, reads: [x], writes: [gradient]) { context in
        let targets: DetectionTargets = context.targets(of: name)
        var losses = [Double](repeating: 0, count: targets.boxWeights.count)
        kernel.run(
          x.elements, gradient: gradient.elements, weights: targets.boxWeights,
          positives: targets.levels[level].positives, losses: &losses)
        targets.boxLoss += zip(losses, targets.boxWeights).reduce(0) { $0 + $1.0 * Double($1.1) }
      })
  }

  func addBackward(to planner: Planner, outputGradients: [[Buffer]]) {
    planner.addGradient(planner.lossGradient(of: boxes), to: boxes)
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
        name: name, logits: logits, level: level, anchors: anchors, classes: classes, alpha: alpha, gamma: gamma))
  }

  /// The box loss over codes (N, anchors * 4, H, W) of one level; see `DetectionTargets`.
  public func boxLoss(_ name: String, _ boxes: Value, level: Int, anchors: Int, distance: BoxDistance) {
    require(boxes.shape.c == anchors * 4, "\(name): \(boxes.shape.c) channels, not \(anchors)x4")
    append(BoxLossOperation(name: name, boxes: boxes, level: level, distance: distance))
  }
}
