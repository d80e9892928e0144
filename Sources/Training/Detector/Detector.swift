import Datasets
import Detection
import Graph
import Models
import Regularization
import Tensors

/// The detector of a configuration: the network with the anchors, losses and image sizes that belong to it.
public struct Detector {
  /// What was asked for.
  public let configuration: Configuration
  /// Which published RetinaNet the geometry follows.
  public let form: DetectorForm
  /// The network.
  public let network: RetinaNet

  /// The detector of a configuration.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    let form: ModelForm =
      switch configuration.model.form {
      case .paper: .paper
      case .torchvision: .torchvision
      }
    self.form = form == .paper ? .paper : .torchvision
    let batchNorm = BatchNorm(
      isTrained: configuration.batchNorm.mode == .trained,
      statistics: configuration.batchNorm.statistics == .global ? .global : .local,
      retention: Float(configuration.batchNorm.decay), epsilon: Float(configuration.batchNorm.epsilon))
    let dropBlock = configuration.dropBlock
    let trunk = ResNet(
      depth: configuration.model.depth.models, form: form, batchNorm: batchNorm,
      dropBlock: dropBlock.groups.isEmpty
        ? nil
        : DropBlockPlacement(
          groups: Set(dropBlock.groups), masksShortcut: dropBlock.sites == .convolutionsAndSkip),
      trainableStages: configuration.model.trainableLayers,
      isStemTrainable: configuration.model.isStemTrainable)
    let loss = configuration.loss
    network = RetinaNet(
      trunk: trunk, pyramid: FeaturePyramid(form: form, batchNorm: batchNorm), classes: configuration.model.classes,
      loss: RetinaNetLoss(
        alpha: Float(loss.focalAlpha), gamma: Float(loss.focalGamma),
        box: loss.huberDelta.map { .huber(delta: Float($0)) } ?? .absolute))
  }

  /// Rows and columns of a training image.
  public var trainingSize: (height: Int, width: Int) {
    (configuration.input.size.height, configuration.input.size.width)
  }

  /// The anchors of a padded image.
  public func anchors(height: Int, width: Int) -> Anchors { Anchors(form: form, height: height, width: width) }

  /// The anchors of a training image.
  public var trainingAnchors: Anchors { anchors(height: trainingSize.height, width: trainingSize.width) }

  /// The network with its losses, for a batch of training images.
  public func trainingGraph(imagesPerRank: Int) -> Graph {
    let graph = Graph()
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

  /// DropBlock's final rate and block size, or nil where it is off.
  public var dropBlock: DropBlock? {
    configuration.dropBlock.groups.isEmpty
      ? nil
      : DropBlock(
        blockSize: configuration.dropBlock.blockSize, keepProbability: configuration.dropBlock.keepProbability)
  }

  /// The keep probability of the last group in a step: the schedule's, before groups are scaled.
  public func keepProbability(step: Int, totalSteps: Int) -> Double {
    guard let dropBlock else { return 1 }
    let schedule: KeepProbabilitySchedule = configuration.dropBlock.schedule == .linear ? .linear : .constant
    return schedule.keepProbability(step: step, totalSteps: totalSteps, target: dropBlock.keepProbability)
  }

  /// DropBlock in one step with the masks of `stream`, or nil where it is off.
  public func dropBlockStep(step: Int, totalSteps: Int, stream: MaskStream) -> DropBlockStep? {
    guard let dropBlock else { return nil }
    let keepProbability = keepProbability(step: step, totalSteps: totalSteps)
    let isScaled = configuration.dropBlock.isGroupScaled
    let groups = configuration.dropBlock.groups.map { group in
      (group, isScaled ? groupKeepProbability(keepProbability, group: group) : keepProbability)
    }
    return DropBlockStep(
      dropBlock, keepProbability: Dictionary(groups) { first, _ in first }, stream: stream,
      normalizerIsGlobal: configuration.dropBlock.normalizer == .global)
  }
}

extension Configuration.Depth {
  /// The row of the ResNet table.
  var models: ResNetDepth {
    switch self {
    case .resNet18: .resNet18
    case .resNet34: .resNet34
    case .resNet50: .resNet50
    case .resNet101: .resNet101
    }
  }
}
