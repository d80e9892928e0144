import Datasets
import Detection
import Distributed
import Tensors

/// Everything that an evaluation found.
struct DetectionEvaluation {
  /// Average precision and recall.
  let metrics: COCOMetrics
  /// The loss and its parts, means over all images.
  let losses: StepLosses
  /// Every detection, in the order of the images.
  let results: [COCOResult]
  /// Seconds from start to end.
  let seconds: Double
  /// The images that were evaluated.
  let dataset: DetectionDataset
}

extension Predictor {
  /// Detects on all images of a data set, shared among the ranks, and scores the result.
  ///
  /// All ranks call it. Rank 0 gets the evaluation, the others nil. An unreadable image ends it on every rank with code
  /// 65. Throws `EvaluationStopped` soon after `isStopped` has become true on some rank.
  func evaluate(
    _ dataset: DetectionDataset, dropBlock: InferenceDropBlock = .off, communicator: Communicator,
    isStopped: () -> Bool = { false }
  ) throws -> DetectionEvaluation? {
    let start = monotonicSeconds()
    weightsChanged()
    let reader = ImageReader()
    var own: [COCOResult] = []
    var ownLosses: [ImageLosses.Numbered] = []
    try communicator.dealOut(dataset.index.imageCount, isStopped: isStopped) { position in
      try reader.read(dataset, at: position)
      let objects = dataset.objects(at: position)
      let (detections, losses) = try judge(
        reader.image, KnownObjects(boxes: objects.boxes, classes: objects.classes), dropBlock, number: position)
      own += cocoResults(detections, of: dataset.index.imageID(at: position), in: dataset)
      ownLosses.append(ImageLosses.Numbered(position: position, losses: losses))
    }
    var results = try communicator.gatherValues(own)
    let losses = try communicator.gatherValues(ownLosses)
    if communicator.rank != 0 { return nil }
    require(
      losses.count == dataset.index.imageCount, "losses of \(losses.count) of \(dataset.index.imageCount) images")
    // The order of the images, whatever the number of ranks; a rank's own order is kept within an image.
    let order = Dictionary(
      uniqueKeysWithValues: (0..<dataset.index.imageCount).map { (dataset.index.imageID(at: $0), $0) })
    results = results.enumerated().sorted {
      let (a, b) = (order[$0.element.imageID] ?? 0, order[$1.element.imageID] ?? 0)
      return a == b ? $0.offset < $1.offset : a < b
    }.map(\.element)
    return DetectionEvaluation(
      metrics: try COCOEvaluator(dataset.index).evaluate(results), losses: detector.losses(losses.means),
      results: results, seconds: monotonicSeconds() - start, dataset: dataset)
  }
}

/// Detections as COCO results, with the category ids of a data set; a class without a category is left out.
func cocoResults(
  _ detections: [Detection], of imageID: Int, in dataset: DetectionDataset
) -> [COCOResult] {
  detections.compactMap { detection in
    guard let category = dataset.category(ofClass: detection.classIndex) else { return nil }
    return COCOResult(detection, imageID: imageID, categoryID: category.id)
  }
}
