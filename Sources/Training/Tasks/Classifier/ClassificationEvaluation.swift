import Datasets
import Distributed
import Foundation
import Graph
import Regularization
import Tensors

/// What an evaluation of a classifier found.
struct ClassificationEvaluation: TaskEvaluation {
  /// What became of one image.
  struct ImageResult {
    /// Its number in the data set.
    let index: Int
    /// Its class.
    let label: Int
    /// The class that the network holds for the likeliest, the first of equals; nil where no logit is above -infinity.
    let likeliest: Int?
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
      let best: (offset: Int, element: Float)? = logits.enumerated().reduce(nil) {
        $1.element > ($0?.element ?? -.infinity) ? $1 : $0
      }
      likeliest = best?.offset
      let largest = Double(logits.max() ?? 0)
      loss = largest + log(logits.reduce(0) { $0 + exp(Double($1) - largest) }) - Double(own)
    }
  }

  static var decisiveFigure: String { "top1" }

  /// Every image of the data set once, in its order.
  let results: [ImageResult]
  /// The images that were evaluated.
  let dataset: ClassificationDataset
  /// How evaluation sees them.
  let transform: ClassificationTransform
  let seconds: Double

  private var classNames: [String] { dataset.classNames }

  /// Classes whose figures are shown and written one by one.
  private static let listedClasses = 100

  /// The shares of images whose own class is the likeliest, and among the five likeliest; the mean cross-entropy.
  var figures: [(name: String, value: Double)] {
    [("top1", share(results) { $0.rank < 1 }), ("top5", share(results) { $0.rank < 5 }), ("val_loss", meanLoss)]
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
    let val_loss: Double?
    let top1: Double
    let top5: Double
    let per_class_top1: [String: Double]
  }

  func writeFigures(to path: String) throws {
    let named = Dictionary(uniqueKeysWithValues: figures.map { ($0.name, $0.value) })
    let figures = Figures(
      images: results.count, val_loss: meanLoss.isFinite ? meanLoss : nil, top1: named["top1"] ?? -1,
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
  var imageCount: Int { dataset.count }
  private let dataset: ClassificationDataset
  private let classifier: Classifier
  private let engine: Engine
  private let store: ParameterStore
  private var passes: [MaskSelection: Pass] = [:]

  /// What computes a batch.
  private struct Pass {
    let plan: Plan
    let logits: Value
  }

  /// Pixels of a batch, at most: what large images need stays below what training needs.
  private static let pixelsAtOnce = 1 << 18
  /// Batches that there are at least, if there are as many images.
  private static let leastBatches = 16

  /// Opens the validation images for weights in `store`; all ranks call it, and throw the same error.
  init(
    _ classifier: Classifier, engine: Engine, store: ParameterStore, classes: ExpectedClasses?,
    communicator: Communicator
  ) throws {
    (self.classifier, self.engine, self.store) = (classifier, engine, store)
    let validation = try ClassificationSplit(
      .validation, of: classifier.configuration, matching: classes, communicator: communicator)
    (dataset, census) = (validation.dataset, validation.census)
  }

  func evaluate(
    dropBlock: InferenceDropBlock, communicator: Communicator, isStopped: () -> Bool
  ) throws -> ClassificationEvaluation? {
    let start = monotonicSeconds()
    let pass = pass(masking: dropBlock.selection)
    pass.plan.parametersChanged()
    let configuration = classifier.configuration
    let blocks = EvaluationBlocks(
      dataset, configuration.classificationTransform, rank: communicator.rank, ranks: communicator.size,
      size: imagesAtOnce, threads: configuration.data.workers)
    var own: [ClassificationEvaluation.ImageResult] = []
    while let block = try communicator.collectively({ try blocks.next() }) {
      if !block.labels.isEmpty {
        // A last block that is not full leaves images of the one before behind it, whose logits nobody reads. They have
        // masks of their own, which count in the normaliser as those of images do.
        _ = pass.plan.inputImages.update(fromContentsOf: UnsafeBufferPointer(block.images))
        pass.plan.forward(dropBlock.context(firstImage: block.firstImage))
        own += results(block, pass)
      }
      if try communicator.agreeOnAny(isStopped()) { throw EvaluationStopped() }
    }
    let results = try communicator.gatherValues(own).sorted { $0.index < $1.index }
    if communicator.rank != 0 { return nil }
    require(
      results.count == dataset.count, "\(results.count) results of \(dataset.count) images")
    return ClassificationEvaluation(
      results: results, dataset: dataset, transform: configuration.classificationTransform,
      seconds: monotonicSeconds() - start)
  }

  /// The plan with masks at the selection; the first call makes it.
  private func pass(masking selection: MaskSelection) -> Pass {
    if let known = passes[selection] { return known }
    let (graph, logits) = classifier.inferenceGraph(images: imagesAtOnce, masking: selection)
    let plan = Plan(
      graph, engine: engine, mode: .inference, precision: classifier.configuration.precision, policy: .estimated,
      sharing: store)
    let pass = Pass(plan: plan, logits: logits)
    passes[selection] = pass
    return pass
  }

  /// Images of a batch, the same on any number of ranks: the last bits of a logit depend on it, and DropBlock counts kept
  /// elements over it.
  ///
  /// A power of two, so that no batch reaches beyond the images that one step of the masks' stream tells apart; less where
  /// there are few images, so that ranks can share them.
  private var imagesAtOnce: Int {
    let size = classifier.configuration.input.size
    let wanted = min(128, Self.pixelsAtOnce / (size.height * size.width), dataset.count / Self.leastBatches)
    var images = 1
    while 2 * images <= wanted { images *= 2 }
    return images
  }

  /// What the logits of a block say about its images.
  private func results(
    _ block: EvaluationBlocks.Block, _ pass: Pass
  ) -> [ClassificationEvaluation.ImageResult] {
    let all = pass.plan.canonicalOutput(pass.logits)
    let classes = pass.logits.shape.c
    return block.labels.enumerated().map { place, label in
      ClassificationEvaluation.ImageResult(
        index: block.firstImage + place, label: label, logits: all[place * classes..<(place + 1) * classes])
    }
  }
}
