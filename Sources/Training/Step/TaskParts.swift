import Datasets
import Distributed
import Graph
import Tensors

/// What a step reports.
struct StepLosses: Equatable {
  /// What is minimised, mean over the ranks, without weight decay.
  var loss: Double
  /// Parts of it and other means, under their names in `metrics.jsonl`.
  var parts: [Figure]

  /// All of it under the names in `metrics.jsonl`, the loss first.
  var figures: [(name: String, value: Double)] { [("loss", loss)] + parts.map { ($0.name, $0.value) } }
}

/// A number with its name.
public struct Figure: Equatable, Sendable {
  /// The name in files.
  public var name: String
  /// The number.
  public var value: Double

  /// A named number.
  public init(_ name: String, _ value: Double) { (self.name, self.value) = (name, value) }
}

/// The training images of a run: their data set, their order, and what is made of them.
protocol TrainingInput {
  /// Where an image comes from, and what is made of it.
  associatedtype Source: SampleMaker
  /// What the losses want of one image.
  associatedtype Targets: Sendable

  /// The images.
  var source: Source { get }
  /// Which images each step takes.
  var schedule: BatchSchedule { get }
  /// What the images hold, on the first rank.
  var census: DataCensus? { get }
  /// The classes in the order of their numbers.
  var classes: ExpectedClasses { get }
  /// How the images are loaded.
  var data: Configuration.Data { get }

  /// Looks at the images anew.
  func census(_ depth: DataCensus.Depth) -> DataCensus
  /// Starts to load a rank's batches from a step on; each call of the result waits for the next one.
  func batches(rank: Int, firstStep: Int) -> () throws -> TrainingBatch<Targets>
}

extension TrainingInput {
  /// The batches that are held at once: those ahead and the one in use.
  var depth: Int { data.prefetchDepth + 1 }

  /// Bytes of the images that a rank's loader holds.
  var imageBytes: Int {
    BatchLoader<Source.Sample, Targets>.imageBytes(
      depth: depth, batchSizePerRank: schedule.batchSizePerRank, channels: source.channels,
      height: source.canvas.height, width: source.canvas.width)
  }

  /// Starts to load a rank's batches from a step on; `targets` are made of each image on the loader's threads.
  func loader(
    rank: Int, firstStep: Int, targets: @escaping @Sendable (Source.Sample) throws -> Targets
  ) -> BatchLoader<Source.Sample, Targets> {
    BatchLoader(
      source: source, schedule: schedule, rank: rank, firstStep: firstStep, threads: data.workers, depth: depth,
      maximumFaults: data.maxFaults, payload: targets)
  }
}

extension BatchPlan {
  /// Which images of a data set each step takes; all ranks call it, and throw the same error.
  func schedule(_ sampler: Sampler, of name: String, _ communicator: Communicator) throws -> BatchSchedule {
    try communicator.collectively {
      try BatchSchedule(
        sampler: sampler, ranks: communicator.size, batchSizePerRank: perRank, accumulation: accumulate, order: order,
        name: name)
    }
  }
}

/// A micro-batch as it was loaded, valid until the next one.
struct TrainingBatch<Targets> {
  /// Its place among the step's micro-batches.
  let microBatch: Int
  /// Normalised images (N, C, H, W) in plain order.
  let images: UnsafeMutableBufferPointer<Float>
  /// What the losses want of each image.
  let targets: [Targets]
  /// What messages call each image.
  let imageNames: [String]
  /// Faults of the data not met before.
  let newFaults: [DataFault]
}

extension BatchLoader {
  /// Waits for the next batch, with the payloads as targets; `name` is what messages call an image.
  func nextBatch(name: (Sample) -> String = { "\($0.imageID)" }) throws -> TrainingBatch<Payload> {
    let batch = try next()
    return TrainingBatch(
      microBatch: batch.microBatch, images: batch.images, targets: batch.payloads,
      imageNames: batch.samples.map(name), newFaults: batch.newFaults)
  }
}

/// Judges weights on the validation images.
protocol TaskEvaluator {
  associatedtype Evaluation: TaskEvaluation

  /// What the validation images hold, on the first rank.
  var census: DataCensus? { get }
  /// Validation images.
  var imageCount: Int { get }

  /// Evaluates the present weights on all images, shared among the ranks; the first rank gets the evaluation.
  ///
  /// The figures are the same on any number of ranks, with DropBlock too. All ranks call it, and throw the same error;
  /// `EvaluationStopped` soon after `isStopped` has become true on some rank.
  func evaluate(
    dropBlock: InferenceDropBlock, communicator: Communicator, isStopped: () -> Bool
  ) throws -> Evaluation?
}

extension TaskEvaluator {
  /// Throws 65 on all ranks where the start has found a file that evaluation would end at.
  func requireFiles(_ communicator: Communicator) throws {
    try communicator.collectively { try census?.requireFiles() }
  }
}

/// What an evaluation found.
protocol TaskEvaluation {
  /// The name of the figure by which the best checkpoint is chosen.
  static var decisiveFigure: String { get }
  /// The figures by name, in their order, the decisive one among them.
  var figures: [(name: String, value: Double)] { get }
  /// A figure of each class.
  var classFigures: [(name: String, value: Double)] { get }
  /// Seconds from start to end.
  var seconds: Double { get }

  /// Writes the figures as `evaluate --json` does; throws 73.
  func writeFigures(to path: String) throws
  /// Writes everything into a directory that exists; with `isLast` also what is made once a run; throws 73.
  ///
  /// Returns what the console is to say about it.
  func write(to directory: EvaluationDirectory, isLast: Bool) throws -> [String]
  /// What a report shows beside the figures; its pictures go into the directory's `examples`, which is there; throws 73.
  func analysis(drawingTo directory: EvaluationDirectory) throws -> EvaluationAnalysis
}

extension TaskEvaluation {
  /// The figure by which the best checkpoint is chosen: larger is better.
  var decisive: Double { figures.first { $0.name == Self.decisiveFigure }?.value ?? -1 }
}

/// Finds in single images what a model was trained to find.
protocol TaskPrediction {
  /// What results may name, in the order of the network's outputs; none where the checkpoint does not say.
  var categories: [COCOCategory] { get }

  /// Draws what is found in a picture to the PNG file `path`, and returns it in a few words; throws 73.
  mutating func predict(_ image: RGBImage, id: Int, drawing path: String) throws -> String

  /// Writes what all pictures have in common into a directory, and returns what the console is to say; throws 73.
  func finish(in directory: String) throws -> [String]
}

/// An evaluation was given up because some rank was asked to stop; thrown on all ranks.
public struct EvaluationStopped: Error {}
