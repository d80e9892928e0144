import Datasets
import Distributed
import Tensors

/// The training images of a classifier's run: their data set, their order, and their classes.
struct ClassificationInput: TrainingInput {
  let source: ClassificationSource
  let schedule: BatchSchedule
  let data: Configuration.Data
  private let modelClasses: Int
  let census: DataCensus?

  /// Opens the training images of a configuration; all ranks call it, and throw the same error.
  init(
    _ configuration: Configuration, batch: BatchPlan, classes: ExpectedClasses?, communicator: Communicator
  ) throws {
    let training = try ClassificationSplit(.train, of: configuration, matching: classes, communicator: communicator)
    let dataset = training.dataset
    source = ClassificationSource(dataset, configuration)
    schedule = try batch.schedule(source.sampler, of: dataset.name, communicator)
    (data, modelClasses) = (configuration.data, configuration.model.classes)
    census = training.census
  }

  func census(_ depth: DataCensus.Depth) -> DataCensus { DataCensus(source.dataset, .train, depth) }

  /// Classes of the data that the model has no place for have no images either.
  var classes: ExpectedClasses {
    ExpectedClasses(
      ClassList(names: source.dataset.classNames).prefix(modelClasses),
      at: "the training images in \(source.dataset.name)")
  }

  func batches(rank: Int, firstStep: Int) -> () throws -> TrainingBatch<Int> {
    let dataset = source.dataset
    let loader = loader(rank: rank, firstStep: firstStep) { $0.label }
    return { try loader.nextBatch { dataset.imageName(at: $0.imageIndex) } }
  }
}

extension Configuration {
  /// How a classifier's images become its input, in training and in evaluation.
  public var classificationTransform: ClassificationTransform {
    var transform = ClassificationTransform(height: input.size.height, width: input.size.width)
    switch input.crop {
    case .none: transform.crop = .none
    case .pad: transform.crop = .pad(input.cropPadding)
    case .randomResized: transform.crop = .randomResized(minimumArea: input.cropAreaMinimum)
    }
    switch input.interpolation {
    case .bilinear: transform.filter = .bilinear
    case .bicubic: transform.filter = .bicubic
    }
    transform.flipProbability = Float(input.flip)
    (transform.usesAutoAugment, transform.cutout) = (input.usesAutoAugment, input.cutout)
    transform.evaluationFraction = input.evaluation.cropFraction
    (transform.mean, transform.deviation) = normalization
    return transform
  }
}
