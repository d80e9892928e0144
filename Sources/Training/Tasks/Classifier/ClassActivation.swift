import Datasets
import Foundation
import Graph
import Models
import Tensors

/// What a classifier says of an image, and where in it the evidence for one class lies.
struct ClassActivation {
  /// The class.
  let classNumber: Int
  /// The logits of all classes.
  let logits: [Float]
  /// The class activation map, as large as the last map of the network.
  ///
  /// Its mean and the class's bias add up to the logit.
  let map: HeatMap

  /// The logit of the class.
  var logit: Float { logits[classNumber] }

  /// The probability of the class, which the softmax of the logits gives it.
  var probability: Double {
    let largest = Double(logits.max() ?? 0)
    return exp(Double(logit) - largest) / logits.reduce(0) { $0 + exp(Double($1) - largest) }
  }

  /// Whether all numbers are finite.
  var isFinite: Bool { (logits + map.values).allSatisfy(\.isFinite) }
}

/// Makes the class activation maps of a classifier, of one image after the other.
///
/// M_c(x, y) = sum over k of w[c, k] f[k, y, x], with f the last map and w the weight of the fully connected layer behind its
/// mean; the bias is left out ("Learning deep features for discriminative localization", Zhou, Khosla, Lapedriza, Oliva and
/// Torralba, 2016). The network computes in floats also where the configuration's precision is another.
final class ClassActivationMapper {
  private let network: any PooledClassifier
  private let plan: Plan
  private let features: Value
  private let logits: Value

  /// Plans a network for images of the classifier's size and the weights of `store`.
  init(_ classifier: Classifier, _ network: any PooledClassifier, engine: Engine, store: ParameterStore) {
    self.network = network
    let graph = Graph()
    features = network.features(graph, graph.input(classifier.imageShape(count: 1)))
    logits = network.logits(graph, features)
    graph.markOutput(features)
    graph.markOutput(logits)
    plan = Plan(graph, engine: engine, mode: .inference, precision: .f32, policy: .estimated, sharing: store)
  }

  /// Rows and columns of a map.
  var mapSize: (height: Int, width: Int) { (features.shape.h, features.shape.w) }

  /// The map of a class, or of the likeliest one where that is nil; of several likeliest ones it is the first.
  ///
  /// - Parameter input: writes the image as normalised planes (C, H, W).
  func activation(
    of classNumber: Int?, input: (UnsafeMutableBufferPointer<Float>) throws -> Void
  ) rethrows -> ClassActivation {
    try input(plan.inputImages)
    plan.forward(RunContext())
    let logits = plan.canonicalOutput(logits)
    let chosen = classNumber ?? logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
    return ClassActivation(classNumber: chosen, logits: logits, map: map(of: chosen))
  }

  /// The map of a class for the image that was run last.
  func map(of classNumber: Int) -> HeatMap {
    let (pixels, channels) = (features.shape.area, features.shape.c)
    let values = plan.canonicalOutput(features)
    let weights = plan.parameters.read(network.classWeight)[classNumber * channels..<(classNumber + 1) * channels]
    var sums = [Double](repeating: 0, count: pixels)
    for (channel, weight) in weights.enumerated() {
      for pixel in 0..<pixels { sums[pixel] += Double(weight) * Double(values[channel * pixels + pixel]) }
    }
    return HeatMap(height: features.shape.h, width: features.shape.w, values: sums.map { Float($0) })
  }
}

extension Classifier {
  /// How a picture file that belongs to no data set becomes the input: as evaluation takes pictures of the configured kind.
  ///
  /// Of CIFAR-10 and MNIST these are whole, so that of a file it is the largest middle part of the input's shape.
  var pictureTransform: ClassificationTransform {
    var transform = configuration.classificationTransform
    switch configuration.data.kind {
    case .cifar10, .mnist: transform.evaluationFraction = 1
    case .imageFolder, .coco, .shapes, .voc: break
    }
    return transform
  }
}
