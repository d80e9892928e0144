import Graph
import Regularization
import Tensors

/// The small network of the CIFAR-10 and MNIST study: six convolutions, each with ReLU and then batch-norm.
///
/// Three stages of two 3x3 convolutions with 32, 64 and 128 channels, a 2x2 max-pool and a drop site each, then one fully
/// connected layer: 309,290 numbers for CIFAR-10, of which 896 are running statistics. The study does not say which
/// activation it has; ReLU is taken. Weights start as in Keras.
public struct CustomNet: ImageClassifier {
  /// The normalisation behind every ReLU; Keras keeps 0.99 of its running statistics, with an epsilon of 0.001.
  public var batchNorm: BatchNorm
  /// Outputs.
  public var classes: Int
  /// The share of each label that training spreads over all classes, in 0..<1.
  public var labelSmoothing: Float

  /// What it is, in a few words.
  public var title: String { "the study's six convolutions" }

  /// A classifier.
  public init(batchNorm: BatchNorm, classes: Int, labelSmoothing: Float = 0) {
    (self.batchNorm, self.classes, self.labelSmoothing) = (batchNorm, classes, labelSmoothing)
  }

  /// Describes the network for images (N, C, H, W), at least 8x8 and square; returns its logits (N, classes, 1, 1).
  public func callAsFunction(_ graph: Graph, _ images: Value) -> Value {
    var x = images
    for (group, channels) in zip(1...3, [32, 64, 128]) {
      for layer in [2 * group - 1, 2 * group] {
        x = graph.convolution(
          "conv\(layer)", x, channels: channels, .square(3, padding: 1), initializer: .glorotUniform,
          bias: .constant(0), activation: .relu)
        x = graph.batchNorm("bn\(layer)", x, batchNorm, activation: .none)
      }
      x = graph.maxPool("pool\(group)", x, .square(2, stride: 2))
      x = graph.masked("drop\(group)", x, MaskPlace(group: group, .convolution, depth: group))
    }
    return graph.kerasDense("fc", x, outputs: classes)
  }
}
