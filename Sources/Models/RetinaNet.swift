import Graph
import Tensors

/// The losses of a RetinaNet.
public struct RetinaNetLoss: Sendable {
  /// The weight of positives in the focal loss; 1 - alpha is that of background.
  public var alpha: Float
  /// The focusing exponent.
  public var gamma: Float
  /// The distance of the box regression.
  public var box: BoxDistance

  /// The losses of a detector.
  public init(alpha: Float, gamma: Float, box: BoxDistance) {
    (self.alpha, self.gamma, self.box) = (alpha, gamma, box)
  }
}

/// RetinaNet on a ResNet feature pyramid, in the paper's form or torchvision's.
///
/// "Focal loss for dense object detection", Lin, Goyal, Girshick, He and Dollár, 2017. Two heads run over all levels with shared weights: four 3x3 convolutions of 256 channels with ReLU, then one
/// prediction convolution. In the paper's form a batch-norm, separate per level, stands before each ReLU.
public struct RetinaNet: Sendable {
  /// The trunk.
  public var trunk: ResNet
  /// The pyramid.
  public var pyramid: FeaturePyramid
  /// Class outputs an anchor.
  public var classes: Int
  /// Anchors a location.
  public var anchors = 9
  /// The losses of a training graph.
  public var loss: RetinaNetLoss
  /// Convolutions in a head before its prediction.
  public var headDepth = 4

  /// A detector.
  public init(trunk: ResNet, pyramid: FeaturePyramid, classes: Int, loss: RetinaNetLoss) {
    (self.trunk, self.pyramid, self.classes, self.loss) = (trunk, pyramid, classes, loss)
  }

  /// The predictions of one pyramid level.
  public struct Level: Sendable {
    /// Class logits (N, anchors * classes, H, W), channel anchor * classes + class.
    public let logits: Value
    /// Box codes (N, anchors * 4, H, W), channel anchor * 4 + coordinate.
    public let boxes: Value
  }

  /// Describes the detector for images (N, 3, H, W); returns its predictions for P3 to P7.
  public func callAsFunction(_ graph: Graph, _ images: Value) -> [Level] {
    let features = trunk(graph, images, prefix: "backbone.body.")
    let levels = pyramid(graph, Array(features[1...]), prefix: "backbone.fpn.")
    let logits = head(
      graph, "head.classification_head", "cls_logits", levels, channels: anchors * classes,
      bias: -4.595_119_85 /* log(0.01 / 0.99), the prior of Lin et al. */)
    let boxes = head(graph, "head.regression_head", "bbox_reg", levels, channels: anchors * 4, bias: 0)
    return zip(logits, boxes).map { Level(logits: $0, boxes: $1) }
  }

  /// Describes the detector with its losses, for training plans.
  public func training(_ graph: Graph, _ images: Value) -> [Level] {
    let levels = self(graph, images)
    addLosses(to: graph, of: levels)
    return levels
  }

  /// Adds the losses of the predictions for P3 to P7.
  public func addLosses(to graph: Graph, of levels: [Level]) {
    for (index, level) in levels.enumerated() {
      graph.focalLoss(
        "loss.class.p\(index + 3)", level.logits, level: index, anchors: anchors, classes: classes, alpha: loss.alpha,
        gamma: loss.gamma)
      graph.boxLoss("loss.box.p\(index + 3)", level.boxes, level: index, anchors: anchors, distance: loss.box)
    }
  }

  /// A head over all levels: each convolution takes them together, for they share its weight.
  private func head(
    _ graph: Graph, _ name: String, _ prediction: String, _ levels: [Value], channels: Int, bias: Float
  ) -> [Value] {
    let normalised = trunk.form == .paper
    var maps = levels
    for index in 0..<headDepth {
      maps = graph.convolution(
        "\(name).conv.\(index).0", maps, channels: pyramid.channels, .square(3, padding: 1),
        initializer: .normal(deviation: 0.01), bias: .constant(0), activation: normalised ? .none : .relu)
      if normalised {
        maps = zip(3...7, maps).map { level, map in
          graph.batchNorm("\(name).bn.\(level).\(index)", map, pyramid.batchNorm, activation: .relu)
        }
      }
    }
    return graph.convolution(
      "\(name).\(prediction)", maps, channels: channels, .square(3, padding: 1),
      initializer: .normal(deviation: 0.01), bias: .constant(bias))
  }
}
