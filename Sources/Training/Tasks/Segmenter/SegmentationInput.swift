import Datasets
import Distributed

/// The training images of a segmentation: their data set, their order, and the labels of their pixels.
struct SegmentationInput: TrainingInput {
  let source: SegmentationSource
  let schedule: BatchSchedule
  let census: DataCensus?
  let data: Configuration.Data

  /// Opens the training images of the segmenter's configuration; all ranks call it, and throw the same error.
  init(_ segmenter: Segmenter, batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator) throws {
    let configuration = segmenter.configuration
    let training = try SegmentationSplit(.train, of: configuration, matching: classes, communicator: communicator)
    source = SegmentationSource(training.dataset, configuration)
    schedule = try batch.schedule(source.sampler, of: training.dataset.name, communicator)
    (census, data) = (training.census, configuration.data)
  }

  func census(_ depth: DataCensus.Depth) -> DataCensus { DataCensus(source.dataset, .train, depth) }

  var classes: ExpectedClasses {
    ExpectedClasses(source.dataset.classes, at: "the training images \(source.dataset.name)")
  }

  func batches(rank: Int, firstStep: Int) -> () throws -> TrainingBatch<[UInt8]> {
    let dataset = source.dataset
    let loader = loader(rank: rank, firstStep: firstStep) { $0.labels }
    return { try loader.nextBatch { dataset.imagePath(at: $0.imageIndex) } }
  }
}
