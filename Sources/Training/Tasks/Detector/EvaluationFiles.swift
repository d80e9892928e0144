import Datasets
import Detection
import Foundation
import Tensors

extension EvaluationDirectory {
  /// Writes the detections and the figures of an evaluation; throws 73.
  func write(_ evaluation: DetectionEvaluation) throws {
    try create()
    try COCOResults.write(evaluation.results, to: resultsFile)
    try evaluation.writeFigures(to: metricsFile)
  }

  /// Images that an evaluation draws its detections on.
  static let pictureCount = 8
  /// The directory of the drawn images.
  var pictures: String { "\(path)/pictures" }

  /// Draws the detections of the first few images; throws 65 for an unreadable image and 73.
  func drawPictures(_ evaluation: DetectionEvaluation, of dataset: DetectionDataset) throws {
    try RunDirectory.createEntry(pictures)
    let reader = ImageReader()
    for position in 0..<min(Self.pictureCount, dataset.index.imageCount) {
      let imageID = dataset.index.imageID(at: position)
      try reader.read(dataset, at: position)
      let own = evaluation.results.filter { $0.imageID == imageID }
      let boxes = labeledBoxes(own, of: dataset, from: DetectionOutcomes.leastScore)
      try reader.image.drawing(boxes).write(to: "\(pictures)/\(imageID).png")
    }
  }
}

/// Writes a value as JSON with sorted keys, in full precision; throws 73.
func writeJSON(_ value: some Encodable, to path: String) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
  try writeFile(Array(try encoder.encode(value)) + [UInt8(ascii: "\n")], to: path)
}

extension DetectionDataset {
  /// The average precision of each category by its name, in the order of the annotation file.
  func classFigures(_ metrics: COCOMetrics) -> [(name: String, value: Double)] {
    index.categories.map { ($0.name, metrics.perClassAveragePrecision[$0.id] ?? -1) }
  }
}
