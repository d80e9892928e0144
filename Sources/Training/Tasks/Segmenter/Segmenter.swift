import Datasets
import Distributed
import Graph
import Models
import Regularization
import Tensors

/// The semantic segmentation of a configuration.
struct Segmenter {
  /// What was asked for.
  let configuration: Configuration
  /// The network.
  let network: SegmentationNet

  /// A network as it is configured.
  init(_ configuration: Configuration, _ network: SegmentationNet) {
    (self.configuration, self.network) = (configuration, network)
  }

  /// The network with its loss, for a batch of training images.
  func trainingGraph(imagesPerRank: Int) -> Graph {
    let graph = Graph(masking: configuration.maskSelection)
    network.training(graph, graph.input(Shape(imagesPerRank, 3, trainingSize.height, trainingSize.width)))
    return graph
  }

  /// The network without loss, and its logits, for images of a padded size; masks may act at the selection.
  func inferenceGraph(
    images: Int = 1, height: Int, width: Int, masking selection: MaskSelection = .none
  ) -> (graph: Graph, logits: Value) {
    let graph = Graph(masking: selection)
    let logits = network(graph, graph.input(Shape(images, 3, height, width)))
    graph.markOutput(logits)
    return (graph, logits)
  }

  /// The labels of a micro-batch; the loss is the mean over their pixels that count, or over those of all ranks.
  ///
  /// With a global normaliser each rank's loss is ranks x local sum / pixels of all ranks, so that the mean of gradients is the
  /// gradient of the global loss.
  func batchTargets(_ images: [[UInt8]], communicator: Communicator) throws -> any BatchTargets {
    let labels = Array(images.joined())
    switch configuration.loss.normalizer {
    case .local: return SegmentationTargets(classes: labels)
    case .global:
      let local = labels.count { $0 != SegmentationTargets.void }
      let all = try communicator.allreduced(Double(local), .sum)
      return SegmentationTargets(classes: labels, weight: all > 0 ? Float(Double(communicator.size) / all) : 0)
    }
  }
}
