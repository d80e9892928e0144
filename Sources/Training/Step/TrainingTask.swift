import Datasets
import Distributed
import Graph
import ONNX
import Tensors

/// What is trained: a network with its losses, the images that they learn from, and how the result is judged.
///
/// `Configuration.task` chooses one by `model.name`. To add a task, conform to this in a folder of `Tasks`, and add a case to
/// `TaskKind`, with the keys and the rules that are its own, and to `ConfiguredNetwork`.
protocol TrainingTask {
  /// What the losses want of one image; the threads that load images make it.
  associatedtype ImageTargets: Sendable
  associatedtype Input: TrainingInput where Input.Targets == ImageTargets
  associatedtype Evaluator: TaskEvaluator

  /// What was asked for.
  var configuration: Configuration { get }

  /// What a run's header calls it.
  var title: String { get }

  /// The network in a few words, without its name and classes.
  var networkTitle: String { get }

  /// The network with its losses, for a batch of training images.
  func trainingGraph(imagesPerRank: Int) -> Graph

  /// The network without losses, for one image of the training size: every parameter is in it.
  var bareGraph: Graph { get }

  /// What the losses of a micro-batch compare with; all ranks call it.
  func batchTargets(_ images: [ImageTargets], communicator: Communicator) throws -> any BatchTargets

  /// What a step reports, given the means of what the losses found.
  func losses(_ means: [Double]) -> StepLosses

  /// Opens the training images, with the classes of the run that goes on, if there is one; all ranks call it, and throw
  /// the same error.
  func openInput(batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator) throws -> Input

  /// Opens the training images in this process alone, with the order and the augmentation of a run, and looks what they hold.
  func openSamples() throws -> (source: Input.Source, census: DataCensus)

  /// Draws what the losses want of a training sample on the picture that the network gets.
  func show(_ sample: Input.Source.Sample, from source: Input.Source, on picture: RGBImage) -> ShownSample

  /// Opens the validation images for weights in `store` of these classes, nil where they are unknown; all ranks call it,
  /// and throw the same error.
  func openEvaluator(
    engine: Engine, store: ParameterStore, classes: ExpectedClasses?, communicator: Communicator
  ) throws -> Evaluator

  /// Whether targets can make a loss NaN, for injected faults.
  static var canSpoilLoss: Bool { get }

  /// Makes the loss of the first image NaN where targets can.
  static func spoilLoss(_ targets: inout [ImageTargets])

  /// Opens the validation images in this place of all ranks, and returns what looks at each of their files.
  func openValidation(communicator: Communicator) throws -> () -> DataCensus

  /// What `predict` does with these weights; throws 78 where the task has nothing to draw on single images.
  ///
  /// `drawnScore` is the least score of what is drawn, nil where nobody said; throws 64 where there are no scores.
  func openPrediction(_ trained: TrainedModel, drawnScore: Float?) throws -> any TaskPrediction

  /// The key of the size that evaluated images have.
  static var evaluatedSizeKey: String { get }

  /// The network in ONNX, at inference, with the outputs that users of the task want; throws 64 for settings that are not for
  /// this task, and 78 for what ONNX cannot say.
  ///
  /// The size of the images is that of evaluation.
  func onnxGraph(_ settings: ONNXSettings, weights: ParameterStore) throws -> ONNXGraph

  /// What an image of noise shows to `bench`, for its header.
  var syntheticObjects: String { get }

  /// What the losses want of images of noise, from random numbers for each.
  func syntheticTargets(_ random: inout [RandomSequence]) -> [ImageTargets]
}

extension TrainingTask {
  /// The name of the figure by which the best checkpoint is chosen.
  var decisiveFigure: String { Evaluator.Evaluation.decisiveFigure }

  /// Rows and columns of a training image.
  var trainingSize: (height: Int, width: Int) {
    (configuration.input.size.height, configuration.input.size.width)
  }

  /// Planes of an image: those of the data set.
  var imageChannels: Int { configuration.data.kind.channels }

  /// The network with its losses, of which is known that it has what the regulariser acts on.
  ///
  /// - Throws: `ConfigurationError.impossible` for groups that the model does not have and for maps that a published
  ///   variant of DropBlock fails on.
  func checkedTrainingGraph(imagesPerRank: Int) throws -> Graph {
    let graph = trainingGraph(imagesPerRank: imagesPerRank)
    try configuration.checkMasks(places: graph.maskPlaces, sites: graph.maskSites)
    return graph
  }
}
