import Datasets
import Detection
import Distributed

/// The training images of a run: their data set, their order, and what is made of them.
struct TrainingInput {
  let source: SampleSource
  let schedule: BatchSchedule
  private let detector: Detector

  /// Opens the training images of the detector's configuration; all ranks call it, and throw the same error.
  init(_ detector: Detector, batch: BatchPlan, communicator: Communicator) throws {
    let configuration = detector.configuration
    let training = try DetectionSplit(.train, of: configuration, communicator: communicator)
    let sampler = Sampler(imageCount: training.dataset.index.imageCount, seed: configuration.random.seed)
    schedule = try communicator.collectively {
      try BatchSchedule(
        sampler: sampler, ranks: communicator.size, batchSizePerRank: batch.perRank, accumulation: batch.accumulate,
        order: batch.order,
        name: training.dataset.index.path)
    }
    source = SampleSource(
      dataset: training.dataset, transform: detector.trainingTransform, sampler: sampler,
      usesScaledDecoding: configuration.data.usesScaledDecoding)
    self.detector = detector
  }

  /// The batches that are held at once: those ahead and the one in use.
  var depth: Int { detector.configuration.data.prefetchDepth + 1 }

  /// Bytes of the images that a loader holds.
  var imageBytes: Int {
    BatchLoader<TrainingSample, AnchorTargets>.imageBytes(
      depth: depth, batchSizePerRank: schedule.batchSizePerRank, height: detector.trainingSize.height,
      width: detector.trainingSize.width)
  }

  /// Starts to load a rank's batches, with the targets of their anchors, from a step on.
  func loader(rank: Int, firstStep: Int) -> BatchLoader<TrainingSample, AnchorTargets> {
    let (anchors, data) = (detector.trainingAnchors, detector.configuration.data)
    return BatchLoader(
      source: source, schedule: schedule, rank: rank, firstStep: firstStep, threads: data.workers,
      depth: depth, maximumFaults: data.maxFaults
    ) { sample in
      anchors.targets(
        boxes: sample.boxes.map { Box(x1: $0[0], y1: $0[1], x2: $0[2], y2: $0[3]) }, classIndices: sample.classes)
    }
  }
}
