import Detection
import Graph
import Models
import Tensors

/// The detector of a configuration: the network with the anchors, losses and image sizes that belong to it.
public struct Detector {
  /// What was asked for.
  public let configuration: Configuration
  /// Which published RetinaNet the geometry follows.
  public let form: ModelForm
  /// The network.
  public let network: RetinaNet

  /// The detector of a configuration.
  public init(_ configuration: Configuration) {
    (self.configuration, form) = (configuration, configuration.model.form)
    let trunk = ResNet(configuration)
    let loss = configuration.loss
    network = RetinaNet(
      trunk: trunk, pyramid: FeaturePyramid(form: trunk.form, batchNorm: trunk.batchNorm),
      classes: configuration.model.classes,
      loss: RetinaNetLoss(
        alpha: Float(loss.focalAlpha), gamma: Float(loss.focalGamma),
        box: loss.huberDelta.map { .huber(delta: Float($0)) } ?? .absolute))
  }

  /// The anchors of a padded image.
  public func anchors(height: Int, width: Int) -> Anchors { Anchors(form: form, height: height, width: width) }

  /// The anchors of a training image.
  public var trainingAnchors: Anchors { anchors(height: trainingSize.height, width: trainingSize.width) }

  /// The network with its losses, for a batch of training images.
  public func trainingGraph(imagesPerRank: Int) -> Graph {
    let graph = Graph(masking: configuration.maskSelection)
    let images = graph.input(Shape(imagesPerRank, 3, trainingSize.height, trainingSize.width))
    _ = network.training(graph, images)
    return graph
  }

  /// The network without losses, and its predictions for P3 to P7, for one image of a padded size.
  public func inferenceGraph(height: Int, width: Int) -> (graph: Graph, levels: [RetinaNet.Level]) {
    let graph = Graph()
    let levels = network(graph, graph.input(Shape(1, 3, height, width)))
    for level in levels {
      graph.markOutput(level.logits)
      graph.markOutput(level.boxes)
    }
    return (graph, levels)
  }
}
