import Graph
import Tensors

/// A ResNet that classifies images, under torchvision's names.
///
/// The mean over the last feature map, then one fully connected layer, which is a 1x1 convolution of the 1x1 map.
public struct ResNetClassifier: ImageClassifier {
  /// The trunk.
  public var trunk: ResNet
  /// Outputs.
  public var classes: Int
  /// The share of each label that training spreads over all classes, in 0..<1.
  public var labelSmoothing: Float

  /// What it is, in a few words.
  public var title: String { trunk.title }

  /// A classifier.
  public init(trunk: ResNet, classes: Int, labelSmoothing: Float = 0) {
    (self.trunk, self.classes, self.labelSmoothing) = (trunk, classes, labelSmoothing)
  }

  /// Describes the classifier for images (N, 3, H, W); returns its logits (N, classes, 1, 1).
  public func callAsFunction(_ graph: Graph, _ images: Value) -> Value {
    let features = trunk(graph, images, prefix: "")
    let pooled = graph.globalAveragePool("avgpool", features[features.count - 1])
    let (weight, bias): (Parameter.Initializer, Parameter.Initializer)
    switch trunk.form {
    case .paper: (weight, bias) = (.normal(deviation: 0.01), .constant(0))
    case .torchvision:
      // PyTorch's default for a fully connected layer.
      let bound = 1 / Float(pooled.shape.c).squareRoot()
      (weight, bias) = (.uniform(bound: bound), .uniform(bound: bound))
    }
    return graph.convolution(
      "fc", pooled, channels: classes, .square(1), initializer: weight, bias: bias)
  }
}
