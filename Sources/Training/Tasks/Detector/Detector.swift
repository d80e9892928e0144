import Detection
import Graph
import Models
import Regularization
import Tensors

/// The detector of a configuration: the network with the anchors, losses and image sizes that belong to it.
struct Detector {
  /// What was asked for.
  let configuration: Configuration
  /// Which published RetinaNet the geometry follows.
  let form: ModelForm
  /// The network.
  let network: RetinaNet

  /// A network as it is configured.
  init(_ configuration: Configuration, _ network: RetinaNet) {
    (self.configuration, form, self.network) = (configuration, configuration.model.form, network)
  }

  /// The detector of a configuration, whatever its `model.name`.
  init(_ configuration: Configuration) { self.init(configuration, RetinaNet(configuration)) }

  /// The anchors of a padded image.
  func anchors(height: Int, width: Int) -> Anchors { Anchors(form: form, height: height, width: width) }

  /// The anchors of a training image.
  var trainingAnchors: Anchors { anchors(height: trainingSize.height, width: trainingSize.width) }

  /// The network with its losses, for a batch of training images.
  func trainingGraph(imagesPerRank: Int) -> Graph {
    let graph = Graph(masking: configuration.maskSelection)
    let images = graph.input(Shape(imagesPerRank, 3, trainingSize.height, trainingSize.width))
    _ = network.training(graph, images)
    return graph
  }

  /// The network and its predictions for P3 to P7, for images of a padded size; masks may act at the selection.
  ///
  /// Without losses it needs no targets; with them the predictions are the same.
  func inferenceGraph(
    images: Int = 1, height: Int, width: Int, masking selection: MaskSelection = .none, withLosses: Bool = false
  ) -> (graph: Graph, levels: [RetinaNet.Level]) {
    let graph = Graph(masking: selection)
    let levels = network(graph, graph.input(Shape(images, 3, height, width)))
    for level in levels {
      graph.markOutput(level.logits)
      graph.markOutput(level.boxes)
    }
    if withLosses { network.addLosses(to: graph, of: levels) }
    return (graph, levels)
  }
}
