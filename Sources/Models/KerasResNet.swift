import Graph
import Regularization
import Tensors

/// The ResNet-50 of the CIFAR-10 and MNIST study, a widely copied one written in Keras.
///
/// It differs from torchvision's in that its stride is on the first 1x1 convolution of a block (v1), its convolutions have
/// biases, its max-pool has no padding, and weights start as in Keras: 23,608,202 numbers for ten classes, of which
/// 53,120 are running statistics. Masks act behind the ReLU of the first two convolutions of a block, never on the shortcut
/// or behind the sum. Names are torchvision's.
///
/// The original ends in a 2x2 average pool, which the 1x1 maps of 32x32 images do not fill; how the study solved that is not
/// known. Here the mean over the whole map is taken, which is the same on 2x2 maps.
public struct KerasResNet: PooledClassifier {
  /// The normalisation after every convolution; Keras keeps 0.99 of its running statistics, with an epsilon of 0.001.
  public var batchNorm: BatchNorm
  /// Outputs.
  public var classes: Int
  /// The share of each label that training spreads over all classes, in 0..<1.
  public var labelSmoothing: Float

  /// What it is, in a few words.
  public var title: String { "the study's ResNet-50" }

  /// The name of the fully connected layer.
  public var classLayer: String { "fc" }

  /// A classifier.
  public init(batchNorm: BatchNorm, classes: Int, labelSmoothing: Float = 0) {
    (self.batchNorm, self.classes, self.labelSmoothing) = (batchNorm, classes, labelSmoothing)
  }

  /// Describes the network for images (N, C, H, W) up to the output of its last block.
  public func features(_ graph: Graph, _ images: Value) -> Value {
    var x = convolution(graph, "conv1", images, channels: 64, kernel: 7, stride: 2, padding: 3)
    x = graph.batchNorm("bn1", x, batchNorm, activation: .relu)
    x = graph.maxPool("maxpool", x, .square(3, stride: 2))
    var number = 0
    for (group, blocks) in zip(1...4, [3, 4, 6, 3]) {
      for block in 0..<blocks {
        number += 1
        x = residualBlock(
          graph, "layer\(group).\(block)", x, group: group, number: number, isFirst: block == 0,
          stride: group > 1 && block == 0 ? 2 : 1)
      }
    }
    return x
  }

  /// Describes what follows on the last block; returns the logits (N, classes, 1, 1).
  public func logits(_ graph: Graph, _ features: Value) -> Value {
    graph.kerasDense(classLayer, graph.globalAveragePool("avgpool", features), outputs: classes)
  }

  /// One residual block, the first of a group with a convolution in its shortcut; `number` counts the blocks of all groups.
  private func residualBlock(
    _ graph: Graph, _ name: String, _ input: Value, group: Int, number: Int, isFirst: Bool, stride: Int
  ) -> Value {
    let channels = 64 << (group - 1)
    let place = MaskPlace(group: group, .convolution, depth: number)
    // Both 1x1 convolutions of a block with a stride read the same quarter of the map.
    let input = stride == 1 ? input : graph.subsampled("\(name).subsampling", input)
    var x = convolution(graph, "\(name).conv1", input, channels: channels, kernel: 1)
    x = graph.batchNorm("\(name).bn1", x, batchNorm, activation: .relu, mask: place)
    x = convolution(graph, "\(name).conv2", x, channels: channels, kernel: 3, padding: 1)
    x = graph.batchNorm("\(name).bn2", x, batchNorm, activation: .relu, mask: place)
    x = convolution(graph, "\(name).conv3", x, channels: 4 * channels, kernel: 1)
    var shortcut = input
    if isFirst {
      shortcut = convolution(graph, "\(name).downsample.0", input, channels: 4 * channels, kernel: 1)
      shortcut = graph.batchNorm("\(name).downsample.1", shortcut, batchNorm, activation: .none)
    }
    return graph.batchNormJoin("\(name).bn3", x, batchNorm, shortcut: shortcut)
  }

  private func convolution(
    _ graph: Graph, _ name: String, _ input: Value, channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0
  ) -> Value {
    graph.convolution(
      name, input, channels: channels, .square(kernel, stride: stride, padding: padding), initializer: .glorotUniform,
      bias: .constant(0))
  }
}
