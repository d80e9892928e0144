import Datasets
import Detection
import Tensors

/// What `score` is asked for.
public struct ScoreRequest: Equatable, Sendable {
  /// COCO annotation file with the ground truth.
  public var annotations: String
  /// COCO results file with the detections.
  public var results: String
  /// Where the figures go as JSON; nil is nowhere.
  public var json: String?

  /// A request.
  public init(annotations: String, results: String, json: String? = nil) {
    (self.annotations, self.results, self.json) = (annotations, results, json)
  }
}

/// Scores a COCO results file against its annotations, without a model.
///
/// Shows the twelve figures and the precision of each category that has ground truth, and writes the JSON file
/// `{"stats": {"AP": ..., ...}, "per_class_AP": {"category id": ..., ...}}` with all digits. Warns of what the figures do
/// not show: odd ids of annotations, and results of categories that the annotations do not list.
/// - Throws: `InputError` with code 66 for a missing file, 65 for a bad one, 73 when the JSON cannot be written.
@discardableResult
public func score(_ request: ScoreRequest, console: Console) throws -> COCOMetrics {
  let index = try COCOIndex.open(annotations: request.annotations)
  let results = try COCOResults.read(request.results)
  let evaluator = COCOEvaluator(index)
  let metrics: COCOMetrics
  do {
    metrics = try evaluator.evaluate(results)
  } catch let error as InputError {
    throw InputError(error.exitCode, "\(request.results): \(error.description)")
  }
  for remark in index.annotationIDRemarks { console.warn("\(request.annotations): \(remark)") }
  let unknown = evaluator.unknownCategories(of: results)
  if !unknown.isEmpty {
    let counts = "\(unknown.reduce(0) { $0 + $1.count }) of \(results.count) results"
    console.warn(
      "\(request.results): \(counts) have a category that \(request.annotations) does not list, and count for nothing: "
        + "\(listed(unknown.map(\.id))); it lists \(listed(evaluator.categoryIDs))")
  }
  let classes = index.categories.map { (name: $0.shownName, value: metrics.perClassAveragePrecision[$0.id] ?? -1) }
  console.say(EvaluationTable(figures: metrics.stats.named, classes: classes).text)
  if let file = request.json { try writeJSON(metrics, to: file) }
  return metrics
}

/// Ascending ids, of many the first ones and the last.
private func listed(_ ids: [Int]) -> String {
  let limit = 10
  if ids.isEmpty { return "none" }
  let first = ids.prefix(limit - 1).map(String.init).joined(separator: ", ")
  if ids.count < limit { return first }
  return "\(first)\(ids.count > limit ? ", ..." : ""), \(ids[ids.count - 1])"
}

extension COCOEvaluator {
  /// The evaluation of every image and category of an annotation file.
  public init(_ index: COCOIndex) {
    self.init(
      imageIDs: (0..<index.imageCount).map { index.imageID(at: $0) }, categoryIDs: index.categories.map(\.id),
      groundTruth: (0..<index.imageCount).flatMap { index.groundTruth(at: $0) })
  }
}

extension COCOIndex {
  /// The objects of a picture, as average precision needs them.
  func groundTruth(at position: Int) -> [COCOGroundTruth] {
    annotations(at: position).map { annotation in
      COCOGroundTruth(
        id: annotation.id, imageID: imageID(at: position), categoryID: annotation.categoryID,
        box: SIMD4(annotation.x, annotation.y, annotation.width, annotation.height), area: annotation.area,
        isCrowd: annotation.isCrowd)
    }
  }
}
