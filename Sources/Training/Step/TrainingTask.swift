import Distributed
import Graph
import Tensors

/// What a replica trains: a network with its losses, and what they compare with.
public protocol TrainingTask {
  /// What the losses want of one image; the threads that load images make it.
  associatedtype ImageTargets: Sendable

  /// What was asked for.
  var configuration: Configuration { get }

  /// The network with its losses, for a batch of training images.
  func trainingGraph(imagesPerRank: Int) -> Graph

  /// What the losses of a micro-batch compare with; all ranks call it.
  func batchTargets(_ images: [ImageTargets], communicator: Communicator) throws -> any BatchTargets
}

extension TrainingTask {
  /// Rows and columns of a training image.
  public var trainingSize: (height: Int, width: Int) {
    (configuration.input.size.height, configuration.input.size.width)
  }

  /// Planes of an image: those of the data set.
  public var imageChannels: Int { configuration.data.kind.channels }

  /// The network with its losses, of which is known that it has what the regulariser acts on.
  ///
  /// - Throws: `ConfigurationError.impossible` for groups that the model does not have and for maps that a published
  ///   variant of DropBlock fails on.
  public func checkedTrainingGraph(imagesPerRank: Int) throws -> Graph {
    let graph = trainingGraph(imagesPerRank: imagesPerRank)
    try configuration.checkMasks(places: graph.maskPlaces, sites: graph.maskSites)
    return graph
  }
}
