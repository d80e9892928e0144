import Distributed
import Graph
import Models
import Regularization
import Tensors

/// The image classifier of a configuration.
struct Classifier {
  /// What was asked for.
  let configuration: Configuration
  /// The network.
  let network: any ImageClassifier

  /// A network as it is configured.
  init(_ configuration: Configuration, _ network: any ImageClassifier) {
    (self.configuration, self.network) = (configuration, network)
  }

  /// A batch of images of the training size, which evaluation has too.
  func imageShape(count: Int) -> Shape {
    Shape(count, imageChannels, trainingSize.height, trainingSize.width)
  }

  /// The network with its loss, for a batch of training images.
  func trainingGraph(imagesPerRank: Int) -> Graph {
    let graph = Graph(masking: configuration.maskSelection)
    network.training(graph, graph.input(imageShape(count: imagesPerRank)))
    return graph
  }

  /// The network as training has it, without losses, for one image.
  var bareGraph: Graph {
    let graph = Graph()
    _ = network.trainingHeads(graph, graph.input(imageShape(count: 1)))
    return graph
  }

  /// The network without loss, and its logits, for a batch of images of the training size; masks may act at the selection.
  func inferenceGraph(images: Int, masking selection: MaskSelection = .none) -> (graph: Graph, logits: Value) {
    let graph = Graph(masking: selection)
    let logits = network(graph, graph.input(imageShape(count: images)))
    graph.markOutput(logits)
    return (graph, logits)
  }

  /// The classes of the images; the loss is the mean over the images of this rank and needs no other.
  func batchTargets(_ images: [Int], communicator: Communicator) -> any BatchTargets {
    ClassificationTargets(classes: images)
  }
}

extension Replica.Result where Task == Classifier {
  /// The cross-entropy.
  var loss: Double { means[0] }
  /// The share of images whose own class has the largest logit.
  var accuracy: Double { means[1] }
}
