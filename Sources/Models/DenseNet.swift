import Graph
import Regularization
import Tensors

/// The DenseNet-121 of the CIFAR-10 and MNIST study, after "Densely connected convolutional networks" (Huang, Liu, van der
/// Maaten and Weinberger, 2017).
///
/// As in the Keras code that the study's summary fits: no batch-norm between the first convolution and its max-pool nor
/// behind the last block, biases on all convolutions, TensorFlow's SAME padding. 7,053,642 numbers for ten classes, of which
/// 81,472 are running statistics. Each of its 119 pairs of batch-norm and ReLU is followed by a drop site; those of a
/// transition belong to the block before it. Names are torchvision's. Weights start as in Keras.
public struct DenseNet: PooledClassifier {
  /// The normalisation in front of every convolution but the first; Keras keeps 0.99 of its running statistics, with an
  /// epsilon of 0.001.
  public var batchNorm: BatchNorm
  /// Outputs.
  public var classes: Int
  /// The share of each label that training spreads over all classes, in 0..<1.
  public var labelSmoothing: Float
  /// Layers of each block.
  public var layers = [6, 12, 24, 16]
  /// Channels that a layer adds.
  public var growth = 32

  /// What it is, in a few words.
  public var title: String { "the study's DenseNet-121" }

  /// The name of the fully connected layer.
  public var classLayer: String { "classifier" }

  /// A classifier.
  public init(batchNorm: BatchNorm, classes: Int, labelSmoothing: Float = 0) {
    (self.batchNorm, self.classes, self.labelSmoothing) = (batchNorm, classes, labelSmoothing)
  }

  /// Describes the network for images (N, C, H, W) up to the channels of its last block, which no ReLU has seen.
  public func features(_ graph: Graph, _ images: Value) -> Value {
    var x = convolution(graph, "features.conv0", images, channels: 64, kernel: 7, stride: 2)
    x = graph.maxPool("features.pool0", x, .same(3, stride: 2, on: x.shape))
    for (index, count) in layers.enumerated() {
      let group = index + 1
      for layer in 1...count {
        x = denseLayer(graph, "features.denseblock\(group).denselayer\(layer)", x, group: group)
      }
      if group == layers.count { break }
      let name = "features.transition\(group)"
      // The study takes the means behind the convolution. The two change places: here they are a quarter of the work.
      x = activated(graph, "\(name).norm", x, group: group)
      x = graph.averagePool("\(name).pool", x, .same(2, stride: 2, on: x.shape))
      x = convolution(graph, "\(name).conv", x, channels: x.shape.c / 2, kernel: 1)
    }
    return x
  }

  /// Describes what follows on the last block; returns the logits (N, classes, 1, 1).
  public func logits(_ graph: Graph, _ features: Value) -> Value {
    graph.kerasDense(classLayer, graph.globalAveragePool("features.pool", features), outputs: classes)
  }

  /// A layer of a block: its input, and behind that the channels that it adds.
  private func denseLayer(_ graph: Graph, _ name: String, _ input: Value, group: Int) -> Value {
    var x = activated(graph, "\(name).norm1", input, group: group)
    x = convolution(graph, "\(name).conv1", x, channels: 4 * growth, kernel: 1)
    x = activated(graph, "\(name).norm2", x, group: group)
    x = convolution(graph, "\(name).conv2", x, channels: growth, kernel: 3)
    return graph.concatenation("\(name).concat", [input, x])
  }

  /// Batch-norm, ReLU and the drop site.
  private func activated(_ graph: Graph, _ name: String, _ input: Value, group: Int) -> Value {
    graph.batchNorm(
      name, input, batchNorm, activation: .relu, mask: MaskPlace(group: group, .convolution, depth: group))
  }

  private func convolution(
    _ graph: Graph, _ name: String, _ input: Value, channels: Int, kernel: Int, stride: Int = 1
  ) -> Value {
    graph.convolution(
      name, input, channels: channels, .same(kernel, stride: stride, on: input.shape), initializer: .glorotUniform,
      bias: .constant(0))
  }
}
