import Datasets
import Distributed
import Graph
import Tensors

extension Classifier: TrainableTask {
  var title: String {
    "ResNet-\(configuration.model.depth.rawValue) (\(configuration.model.form.rawValue) form), "
      + "\(configuration.model.classes) classes"
  }

  var bareGraph: Graph { inferenceGraph(images: 1).graph }

  func losses(_ means: [Double]) -> StepLosses {
    StepLosses(loss: means[0], parts: [Figure("accuracy", means[1])])
  }

  func openInput(batch: BatchPlan, communicator: Communicator) throws -> MissingInput {
    try communicator.collectively { throw MissingInput.error }
  }

  func openEvaluator(engine: Engine, store: ParameterStore, communicator: Communicator) throws -> MissingEvaluator {
    try communicator.collectively { throw MissingInput.error }
  }

  static var canSpoilLoss: Bool { false }

  static func spoilLoss(_ targets: inout [Int]) {}
}

/// The training images of a classifier, which no data set has yet.
enum MissingInput: TrainingInput {
  static var error: InputError {
    InputError(.badConfiguration, "model.name: expected retinanet, got resnet, which no data set can train yet")
  }
  var schedule: BatchSchedule { fatalError("no data set") }
  var contents: String { fatalError("no data set") }
  var depth: Int { fatalError("no data set") }
  var imageBytes: Int { fatalError("no data set") }
  func batches(rank: Int, firstStep: Int) -> () throws -> TrainingBatch<Int> { fatalError("no data set") }
}

/// The validation images of a classifier, which no data set has yet.
enum MissingEvaluator: TaskEvaluator {
  var contents: String { fatalError("no data set") }
  func evaluate(communicator: Communicator, isStopped: () -> Bool) throws -> DetectionEvaluation? { nil }
}
