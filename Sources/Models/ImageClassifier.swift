import Graph
import Tensors

/// A network that classifies images.
public protocol ImageClassifier: Sendable {
  /// The share of each label that training spreads over all classes, in 0..<1.
  var labelSmoothing: Float { get set }

  /// What it is, in a few words.
  var title: String { get }

  /// Describes the network for images (N, C, H, W); returns its logits (N, classes, 1, 1).
  func callAsFunction(_ graph: Graph, _ images: Value) -> Value
}

extension ImageClassifier {
  /// Describes the classifier with its loss, for training plans; returns the logits.
  @discardableResult
  public func training(_ graph: Graph, _ images: Value) -> Value {
    let logits = self(graph, images)
    graph.softmaxCrossEntropy("loss", logits, labelSmoothing: labelSmoothing)
    return logits
  }
}

extension Graph {
  /// A fully connected layer over all values of a map (N, C, H, W), as Keras initialises it: (N, outputs, 1, 1).
  ///
  /// It is a convolution whose kernel is the whole map, with a weight (outputs, C, H, W): Keras' matrix with its rows in
  /// the order C, H, W instead of H, W, C.
  func kerasDense(_ name: String, _ input: Value, outputs: Int) -> Value {
    require(input.shape.h == input.shape.w, "\(name): a map of \(input.shape.h)x\(input.shape.w) is not square")
    let inputs = input.shape.c * input.shape.area
    return convolution(
      name, input, channels: outputs, .square(input.shape.h),
      initializer: .uniform(bound: (6 / Float(inputs + outputs)).squareRoot()), bias: .constant(0))
  }
}
