import Datasets
import Detection
import Distributed

/// The training images of a detector: their data set, their order, and the targets of their anchors.
struct DetectionInput: TrainingInput {
  let source: SampleSource
  let schedule: BatchSchedule
  let census: DataCensus?
  let data: Configuration.Data
  private let detector: Detector

  /// Opens the training images of the detector's configuration; all ranks call it, and throw the same error.
  init(_ detector: Detector, batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator) throws {
    let configuration = detector.configuration
    let training = try DetectionSplit(.train, of: configuration, matching: classes, communicator: communicator)
    source = SampleSource(training.dataset, configuration)
    schedule = try batch.schedule(source.sampler, of: training.dataset.index.path, communicator)
    (census, data, self.detector) = (training.census, configuration.data, detector)
  }

  func census(_ depth: DataCensus.Depth) -> DataCensus { DataCensus(source.dataset, .train, depth) }

  var classes: ExpectedClasses {
    ExpectedClasses(source.dataset.classes, at: "the training annotations \(source.dataset.index.path)")
  }

  func batches(rank: Int, firstStep: Int) -> () throws -> TrainingBatch<AnchorTargets> {
    let anchors = detector.trainingAnchors
    let loader = loader(rank: rank, firstStep: firstStep) { sample in
      anchors.targets(KnownObjects(boxes: sample.boxes, classes: sample.classes))
    }
    return { try loader.nextBatch() }
  }
}
