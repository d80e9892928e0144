import Datasets
import Distributed
import Foundation
import Graph
import Tensors

/// What an evaluation of a classifier found.
struct ClassificationEvaluation: TaskEvaluation {
  /// What became of one image.
  struct ImageResult {
    /// Its number in the data set.
    let index: Int
    /// Its class.
    let label: Int
    /// Classes that the network holds for more likely than its own, 0 where it is right; all of them where its own logit is NaN.
    let rank: Int
    /// The cross-entropy, without label smoothing.
    let loss: Double

    /// What the logits of an image say, one a class.
    ///
    /// Of equal logits the first class counts as the likelier one.
    init(index: Int, label: Int, logits: ArraySlice<Float>) {
      (self.index, self.label) = (index, label)
      let own = logits[logits.startIndex + label]
      rank = own.isNaN ? logits.count : logits.enumerated().count { $1 > own || ($1 == own && $0 < label) }
      let largest = Double(logits.max() ?? 0)
      loss = largest + log(logits.reduce(0) { $0 + exp(Double($1) - largest) }) - Double(own)
    }
  }

  static var decisiveFigure: String { "top1" }

  /// Every image of the data set once, in its order.
  let results: [ImageResult]
  let classNames: [String]
  let seconds: Double

  /// Classes whose figures are shown and written one by one.
  private static let listedClasses = 100

  /// The shares of images whose own class is the likeliest, and among the five likeliest; the mean cross-entropy.
  var figures: [(name: String, value: Double)] {
    [("top1", share(results) { $0.rank < 1 }), ("top5", share(results) { $0.rank < 5 }), ("loss", meanLoss)]
  }

  private var meanLoss: Double { results.reduce(0) { $0 + $1.loss } / Double(max(1, results.count)) }

  private func share(_ results: some Collection<ImageResult>, _ isRight: (ImageResult) -> Bool) -> Double {
    results.isEmpty ? -1 : Double(results.count(where: isRight)) / Double(results.count)
  }

  /// The share of each class's images that are recognised; -1 for a class without images.
  var classFigures: [(name: String, value: Double)] {
    if classNames.count > Self.listedClasses { return [] }
    let byClass = Dictionary(grouping: results, by: \.label)
    return classNames.enumerated().map { ($1, share(byClass[$0] ?? []) { $0.rank < 1 }) }
  }

  private struct Figures: Encodable {
    let images: Int
    /// Left out where it is not finite, which JSON cannot say.
    let loss: Double?
    let top1: Double
    let top5: Double
    let per_class_top1: [String: Double]
  }

  func writeFigures(to path: String) throws {
    let named = Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) })
    let figures = Figures(
      images: results.count, loss: meanLoss.isFinite ? meanLoss : nil, top1: named["top1"] ?? -1,
      top5: named["top5"] ?? -1,
      per_class_top1: Dictionary(classFigures.map { ($0.name, $0.value) }) { first, _ in first })
    try writeJSON(figures, to: path)
  }

  func write(to directory: EvaluationDirectory, isLast: Bool) throws -> [String] {
    try writeFigures(to: directory.metricsFile)
    return []
  }
}

/// Judges a classifier on the validation images of its configuration.
final class ClassificationEvaluator: TaskEvaluator {
  let census: DataCensus?
  private let dataset: ClassificationDataset
  private let configuration: Configuration
  private let plan: Plan
  private let logits: Value
  /// Images of a rank in one pass.
  private let batchSize: Int

  /// Pixels of a batch, at most: what large images need stays below what training needs.
  private static let pixelsAtOnce = 1 << 18

  /// Opens the validation images and plans for weights in `store`; all ranks call it, and throw the same error.
  init(
    _ classifier: Classifier, engine: Engine, store: ParameterStore, classes: ExpectedClasses?,
    communicator: Communicator
  ) throws {
    configuration = classifier.configuration
    let validation = try ClassificationSplit(
      .validation, of: configuration, matching: classes, communicator: communicator)
    (dataset, census) = (validation.dataset, validation.census)
    let size = configuration.input.size
    let share = (dataset.count + communicator.size - 1) / communicator.size
    batchSize = max(1, min(share, 128, Self.pixelsAtOnce / (size.height * size.width)))
    let (graph, logits) = classifier.inferenceGraph(images: batchSize)
    self.logits = logits
    plan = Plan(
      graph, engine: engine, mode: .inference, precision: configuration.precision, policy: .estimated, sharing: store)
  }

  func evaluate(communicator: Communicator, isStopped: () -> Bool) throws -> ClassificationEvaluation? {
    let start = monotonicSeconds()
    plan.parametersChanged()
    let batches = EvaluationBatches(
      dataset, configuration.classificationTransform, rank: communicator.rank, ranks: communicator.size,
      batchSize: batchSize, threads: configuration.data.workers)
    var own: [ClassificationEvaluation.ImageResult] = []
    while let batch = try communicator.collectively({ try batches.next() }) {
      if batch.count > 0 {
        // A last batch that is not full leaves images of the one before behind it, whose logits nobody reads.
        _ = plan.inputImages.update(fromContentsOf: UnsafeBufferPointer(batch.images))
        plan.forward(RunContext())
        own += results(batch)
      }
      if try communicator.agreeOnAny(isStopped()) { throw EvaluationStopped() }
    }
    let gathered = try communicator.gather(own.withUnsafeBytes { Array($0) })
    if communicator.rank != 0 { return nil }
    let results = gathered.flatMap { bytes in
      bytes.withUnsafeBytes { Array($0.bindMemory(to: ClassificationEvaluation.ImageResult.self)) }
    }.sorted { $0.index < $1.index }
    require(
      results.count == dataset.count, "\(results.count) results of \(dataset.count) images")
    return ClassificationEvaluation(
      results: results, classNames: dataset.classNames, seconds: monotonicSeconds() - start)
  }

  /// What the logits of a batch say about its images.
  private func results(_ batch: EvaluationBatches.Batch) -> [ClassificationEvaluation.ImageResult] {
    let all = plan.canonicalOutput(logits)
    let classes = logits.shape.c
    return (0..<batch.count).map { image in
      ClassificationEvaluation.ImageResult(
        index: batch.indices[image], label: batch.labels[image], logits: all[image * classes..<(image + 1) * classes])
    }
  }
}
