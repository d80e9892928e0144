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

  /// Describes the network with all that only training has; every parameter is in it.
  func trainingHeads(_ graph: Graph, _ images: Value) -> TrainingHeads
}

/// The logits that training compares with the classes of images.
public struct TrainingHeads {
  /// Those of the network, (N, classes, 1, 1).
  public let logits: Value
  /// Those of a head in the middle of the network, if it has one.
  public let auxiliary: AuxiliaryHead?
}

/// A head in the middle of a network that only training has.
public struct AuxiliaryHead {
  /// Its logits, (N, classes, 1, 1).
  public let logits: Value
  /// The weight of its loss, above 0.
  public let weight: Float
}

/// A classifier whose logits are one fully connected layer over the mean of its last map, so that classes have activation
/// maps: the same layer at every pixel.
public protocol PooledClassifier: ImageClassifier {
  /// The name of the fully connected layer, whose weight is (classes, C, 1, 1).
  var classLayer: String { get }

  /// Describes the network for images (N, C, H, W) up to its last map, that of which the mean is taken.
  func features(_ graph: Graph, _ images: Value) -> Value

  /// Describes what follows on the last map (N, C, H, W); returns the logits (N, classes, 1, 1).
  func logits(_ graph: Graph, _ features: Value) -> Value
}

extension PooledClassifier {
  /// Describes the network for images (N, C, H, W); returns its logits (N, classes, 1, 1).
  public func callAsFunction(_ graph: Graph, _ images: Value) -> Value { logits(graph, features(graph, images)) }

  /// The name of the weight of the fully connected layer.
  public var classWeight: String { "\(classLayer).weight" }
}

extension ImageClassifier {
  /// Networks without a head in their middle have one kind of logits.
  public func trainingHeads(_ graph: Graph, _ images: Value) -> TrainingHeads {
    TrainingHeads(logits: self(graph, images), auxiliary: nil)
  }

  /// Describes the classifier with its losses, for training plans; returns what they compare.
  @discardableResult
  public func training(_ graph: Graph, _ images: Value) -> TrainingHeads {
    let heads = trainingHeads(graph, images)
    graph.softmaxCrossEntropy("loss", heads.logits, labelSmoothing: labelSmoothing)
    if let auxiliary = heads.auxiliary {
      graph.softmaxCrossEntropy(
        "auxiliary.loss", auxiliary.logits, labelSmoothing: labelSmoothing, auxiliaryWeight: auxiliary.weight)
    }
    return heads
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
