import Graph
import Regularization
import Tensors

/// Semantic segmentation on a ResNet feature pyramid: the class of every eighth pixel along each axis.
///
/// The fully convolutional network of the DropBlock paper's section on PASCAL VOC, as the official code's RetinaNet has it: a
/// head with weights shared over P3 to P5, four 3x3 convolutions of 256 channels, of which the first three have a batch-norm
/// of each level and a ReLU; its results are brought to P3's size and summed, and after a batch-norm and a ReLU a last 3x3
/// convolution gives the logits. Masks may act behind the ReLUs of the first three convolutions.
public struct SegmentationNet: Sendable {
  /// The trunk.
  public var trunk: ResNet
  /// P3 to P5.
  public var pyramid: FeaturePyramid
  /// Outputs a pixel, background among them.
  public var classes: Int
  /// Convolutions of the head with a batch-norm.
  public var headDepth = 3

  /// A network of a trunk, whose normalisation the rest shares.
  public init(trunk: ResNet, classes: Int) {
    (self.trunk, self.classes) = (trunk, classes)
    pyramid = FeaturePyramid(form: .paper, batchNorm: trunk.batchNorm)
    (pyramid.hasCoarseLevels, pyramid.interpolation) = (false, .bilinear)
  }

  /// Describes the network for images (N, 3, H, W); returns its logits (N, classes, ceil(H / 8), ceil(W / 8)).
  public func callAsFunction(_ graph: Graph, _ images: Value) -> Value {
    let features = trunk(graph, images, prefix: "backbone.body.")
    var maps = pyramid(graph, Array(features[1...]), prefix: "backbone.fpn.")
    for index in 0..<headDepth {
      maps = convolution(graph, "head.conv.\(index).0", maps)
      maps = zip(3...5, maps).map { level, map in
        graph.batchNorm(
          "head.bn.\(level).\(index)", map, pyramid.batchNorm, activation: .relu,
          mask: MaskPlace(.head, .convolution, depth: 1))
      }
    }
    maps = convolution(graph, "head.conv.\(headDepth).0", maps)
    var sum = maps[0]
    for (level, map) in zip(4...5, maps[1...]) {
      sum = graph.upsampleAdd("head.sum.p\(level)", map, sum, .bilinear)
    }
    sum = graph.batchNorm("head.bn.sum", sum, pyramid.batchNorm, activation: .relu)
    return graph.convolution(
      "head.logits", sum, channels: classes, .square(3, padding: 1), initializer: .normal(deviation: 0.01),
      bias: .constant(0))
  }

  /// Describes the network with its loss, for training plans; returns the logits.
  @discardableResult
  public func training(_ graph: Graph, _ images: Value) -> Value {
    let logits = self(graph, images)
    graph.pixelCrossEntropy("loss", logits)
    return logits
  }

  /// A convolution over all levels, for they share its weight.
  private func convolution(_ graph: Graph, _ name: String, _ maps: [Value]) -> [Value] {
    graph.convolution(
      name, maps, channels: pyramid.channels, .square(3, padding: 1), initializer: .normal(deviation: 0.01),
      bias: .constant(0))
  }
}
