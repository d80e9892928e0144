import Datasets
import Detection
import Foundation
import Tensors

extension EvaluationDirectory {
  /// Writes the detections and the figures of an evaluation; throws 73.
  func write(_ evaluation: DetectionEvaluation) throws {
    try create()
    try COCOResults.write(evaluation.results, to: resultsFile)
    try writeJSON(evaluation.metrics, to: metricsFile)
  }
}

/// Writes a value as JSON with sorted keys, in full precision; throws 73.
func writeJSON(_ value: some Encodable, to path: String) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
  try RunDirectory.replace(path, with: String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
}

extension DetectionDataset {
  /// The average precision of each category by its name, in the order of the annotation file.
  func classFigures(_ metrics: COCOMetrics) -> [(name: String, value: Double)] {
    index.categories.map { ($0.name, metrics.perClassAveragePrecision[$0.id] ?? -1) }
  }
}
