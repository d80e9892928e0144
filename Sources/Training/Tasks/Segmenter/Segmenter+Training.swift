import Datasets
import Distributed
import Graph
import Tensors

extension Segmenter: TrainingTask {
  var title: String { ModelDescription.title(configuration) }

  var networkTitle: String { network.trunk.title }

  var bareGraph: Graph { inferenceGraph(height: trainingSize.height, width: trainingSize.width).graph }

  func losses(_ means: [Double]) -> StepLosses {
    StepLosses(loss: means[0], parts: [Figure("pixel_accuracy", means[1])])
  }

  func openInput(batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator) throws -> SegmentationInput {
    try SegmentationInput(self, batch: batch, classes: classes, communicator: communicator)
  }

  func openEvaluator(
    engine: Engine, store: ParameterStore, classes: ExpectedClasses?, communicator: Communicator
  ) throws -> SegmentationEvaluator {
    let validation = try SegmentationSplit(
      .validation, of: configuration, matching: classes, communicator: communicator)
    return SegmentationEvaluator(
      predictor: ClassPredictor(self, engine: engine, store: store), dataset: validation.dataset,
      census: validation.census, classCount: configuration.model.classes)
  }

  func openValidation(communicator: Communicator) throws -> () -> DataCensus {
    let split = try SegmentationSplit(.validation, of: configuration, communicator: communicator)
    return { DataCensus(split.dataset, .validation, .files) }
  }

  func openPrediction(_ trained: TrainedModel, drawnScore: Float?) throws -> any TaskPrediction {
    if drawnScore != nil {
      throw InputError(.usage, "--draw-from: a segmentation has no scores to choose by; leave it out")
    }
    return try SegmentationPrediction(self, trained)
  }

  static var canSpoilLoss: Bool { false }

  static func spoilLoss(_ targets: inout [[UInt8]]) {}

  var syntheticObjects: String { "one class in every square of 64 pixels" }

  func syntheticTargets(_ random: inout [RandomSequence]) -> [[UInt8]] {
    let step = SegmentationSource.labelStride
    let (rows, columns) = ((trainingSize.height + step - 1) / step, (trainingSize.width + step - 1) / step)
    return random.indices.map { image in
      let squares = (0..<(rows + 7) / 8 * ((columns + 7) / 8)).map { _ in
        UInt8(random[image].classIndex(of: min(configuration.model.classes, 255)))
      }
      return (0..<rows * columns).map { place in
        squares[place / columns / 8 * ((columns + 7) / 8) + place % columns / 8]
      }
    }
  }
}
