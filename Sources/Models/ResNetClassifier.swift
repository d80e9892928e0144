import Graph
import Tensors

/// A ResNet that classifies images, under torchvision's names.
///
/// The mean over the last feature map, then one fully connected layer, which is a 1x1 convolution of the 1x1 map.
public struct ResNetClassifier: PooledClassifier {
  /// The trunk.
  public var trunk: ResNet
  /// Outputs.
  public var classes: Int
  /// The share of each label that training spreads over all classes, in 0..<1.
  public var labelSmoothing: Float

  /// What it is, in a few words.
  public var title: String { trunk.title }

  /// The name of the fully connected layer.
  public var classLayer: String { "fc" }

  /// A classifier.
  public init(trunk: ResNet, classes: Int, labelSmoothing: Float = 0) {
    (self.trunk, self.classes, self.labelSmoothing) = (trunk, classes, labelSmoothing)
  }

  /// Describes the trunk for images (N, 3, H, W); returns C5, the output of the last block.
  public func features(_ graph: Graph, _ images: Value) -> Value {
    let groups = trunk(graph, images, prefix: "")
    return groups[groups.count - 1]
  }

  /// Describes what follows on C5; returns the logits (N, classes, 1, 1).
  public func logits(_ graph: Graph, _ features: Value) -> Value {
    let pooled = graph.globalAveragePool("avgpool", features)
    let (weight, bias): (Parameter.Initializer, Parameter.Initializer)
    switch trunk.form {
    case .paper: (weight, bias) = (.normal(deviation: 0.01), .constant(0))
    case .torchvision:
      // PyTorch's default for a fully connected layer.
      let bound = 1 / Float(pooled.shape.c).squareRoot()
      (weight, bias) = (.uniform(bound: bound), .uniform(bound: bound))
    }
    return graph.convolution(
      classLayer, pooled, channels: classes, .square(1), initializer: weight, bias: bias)
  }
}
