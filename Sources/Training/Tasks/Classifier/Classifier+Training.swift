import Datasets
import Distributed
import Graph
import Tensors

extension Classifier: TrainingTask {
  var title: String { ModelDescription.title(configuration) }

  var networkTitle: String { network.title }

  func losses(_ means: [Double]) -> StepLosses {
    StepLosses(
      loss: means[0],
      parts: [Figure("accuracy", means[1])] + means.dropFirst(2).map { Figure("auxiliary_loss", $0) })
  }

  func openInput(batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator) throws -> ClassificationInput
  {
    try ClassificationInput(configuration, batch: batch, classes: classes, communicator: communicator)
  }

  func openEvaluator(
    engine: Engine, store: ParameterStore, classes: ExpectedClasses?, communicator: Communicator
  ) throws -> ClassificationEvaluator {
    try ClassificationEvaluator(self, engine: engine, store: store, classes: classes, communicator: communicator)
  }

  func openPrediction(_ trained: TrainedModel, drawnScore: Float?) throws -> any TaskPrediction {
    throw InputError(
      .badConfiguration,
      "predict: expected a checkpoint of a detector or a segmentation, which has something to draw; got model.name "
        + "\(configuration.model.name.rawValue), a classifier, which evaluate judges")
  }

  static var canSpoilLoss: Bool { false }

  static func spoilLoss(_ targets: inout [Int]) {}

  func openValidation(communicator: Communicator) throws -> () -> DataCensus {
    let split = try ClassificationSplit(.validation, of: configuration, communicator: communicator)
    return { DataCensus(split.dataset, .validation, .files) }
  }

  var syntheticObjects: String { "one class an image" }

  func syntheticTargets(_ random: inout [RandomSequence]) -> [Int] {
    random.indices.map { random[$0].classIndex(of: configuration.model.classes) }
  }
}
