import Datasets
import Distributed

/// The training images of a segmentation: their data set, their order, and the labels of their pixels.
struct SegmentationInput: TrainingInput {
  let source: SegmentationSource
  let schedule: BatchSchedule
  let census: DataCensus?
  private let data: Configuration.Data

  /// Opens the training images of the segmenter's configuration; all ranks call it, and throw the same error.
  init(_ segmenter: Segmenter, batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator) throws {
    let configuration = segmenter.configuration
    let training = try SegmentationSplit(.train, of: configuration, matching: classes, communicator: communicator)
    let sampler = Sampler(imageCount: training.dataset.count, seed: configuration.random.seed)
    schedule = try communicator.collectively {
      try BatchSchedule(
        sampler: sampler, ranks: communicator.size, batchSizePerRank: batch.perRank, accumulation: batch.accumulate,
        order: batch.order, name: training.dataset.name)
    }
    source = SegmentationSource(
      dataset: training.dataset, transform: configuration.scaleJitter, sampler: sampler,
      usesScaledDecoding: configuration.data.usesScaledDecoding)
    (census, data) = (training.census, configuration.data)
  }

  func census(_ depth: DataCensus.Depth) -> DataCensus { DataCensus(source.dataset, .train, depth) }

  var classes: ExpectedClasses {
    ExpectedClasses(source.dataset.classes, at: "the training images \(source.dataset.name)")
  }

  var depth: Int { data.prefetchDepth + 1 }

  var imageBytes: Int {
    BatchLoader<SegmentationSample, [UInt8]>.imageBytes(
      depth: depth, batchSizePerRank: schedule.batchSizePerRank, height: source.canvas.height,
      width: source.canvas.width)
  }

  func batches(rank: Int, firstStep: Int) -> () throws -> TrainingBatch<[UInt8]> {
    let dataset = source.dataset
    let loader = BatchLoader(
      source: source, schedule: schedule, rank: rank, firstStep: firstStep, threads: data.workers, depth: depth,
      maximumFaults: data.maxFaults
    ) { $0.labels }
    return { try loader.nextBatch { dataset.imagePath(at: $0.imageIndex) } }
  }
}
