import Datasets
import Detection
import Distributed
import Graph
import Tensors

extension Detector: TrainingTask {
  var title: String {
    "RetinaNet (\(configuration.model.form.rawValue) form), ResNet-\(configuration.model.depth.rawValue), "
      + "\(configuration.model.classes) classes"
  }

  var networkTitle: String { network.trunk.title }

  var bareGraph: Graph { inferenceGraph(height: trainingSize.height, width: trainingSize.width).graph }

  func losses(_ means: [Double]) -> StepLosses {
    StepLosses(loss: means[0] + means[1], parts: [Figure("loss_class", means[0]), Figure("loss_box", means[1])])
  }

  func openInput(batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator) throws -> DetectionInput {
    try DetectionInput(self, batch: batch, classes: classes, communicator: communicator)
  }

  func openEvaluator(
    engine: Engine, store: ParameterStore, classes: ExpectedClasses?, communicator: Communicator
  ) throws -> DetectionEvaluator {
    let validation = try DetectionSplit(.validation, of: configuration, matching: classes, communicator: communicator)
    return DetectionEvaluator(
      predictor: Predictor(self, engine: engine, store: store, withLosses: true), dataset: validation.dataset,
      census: validation.census)
  }

  func openValidation(communicator: Communicator) throws -> () -> DataCensus {
    let split = try DetectionSplit(.validation, of: configuration, communicator: communicator)
    return { DataCensus(split.dataset, .validation, .files) }
  }

  func openPrediction(_ trained: TrainedModel, drawnScore: Float?) -> any TaskPrediction {
    DetectionPrediction(self, trained, drawnScore: drawnScore)
  }

  static var canSpoilLoss: Bool { true }

  static func spoilLoss(_ targets: inout [AnchorTargets]) {
    let location = AnchorLocation(level: 0, pixel: 0, anchor: 0)
    targets[0].positives.append(
      AnchorTargets.Positive(location: location, classIndex: 0, box: SIMD4(repeating: .nan)))
  }
}

/// Judges a detector on the validation images of its configuration.
struct DetectionEvaluator: TaskEvaluator {
  let predictor: Predictor
  let dataset: DetectionDataset
  let census: DataCensus?
  var imageCount: Int { dataset.index.imageCount }

  func evaluate(
    dropBlock: InferenceDropBlock, communicator: Communicator, isStopped: () -> Bool
  ) throws -> DetectionEvaluation? {
    try predictor.evaluate(dataset, dropBlock: dropBlock, communicator: communicator, isStopped: isStopped)
  }
}

extension DetectionEvaluation: TaskEvaluation {
  static var decisiveFigure: String { "AP" }

  var figures: [(name: String, value: Double)] {
    metrics.stats.named + losses.figures.map { ("val_\($0.name)", $0.value) }
  }

  var classFigures: [(name: String, value: Double)] { dataset.classFigures(metrics) }

  private struct Figures: Encodable {
    let images: Int
    /// The losses are left out where they are not finite, which JSON cannot say.
    let val_loss: Double?
    let val_loss_class: Double?
    let val_loss_box: Double?
    let stats: COCOMetrics.Stats
    let per_class_AP: [Int: Double]
  }

  func writeFigures(to path: String) throws {
    let finite = Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) }).filter(\.value.isFinite)
    let figures = Figures(
      images: dataset.index.imageCount, val_loss: finite["val_loss"], val_loss_class: finite["val_loss_class"],
      val_loss_box: finite["val_loss_box"], stats: metrics.stats, per_class_AP: metrics.perClassAveragePrecision)
    try writeJSON(figures, to: path)
  }

  func write(to directory: EvaluationDirectory, isLast: Bool) throws -> [String] {
    try directory.write(self)
    if !isLast { return [] }
    try directory.drawPictures(self, of: dataset)
    return ["pictures of detections: \(directory.pictures)"]
  }
}
