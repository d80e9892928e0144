import Detection
import Foundation

/// What `Tests/Goldens/detection_goldens.py` wrote.
struct DetectionGoldens: Decodable {
  struct AnchorCase: Decodable {
    var height, width, count: Int
    var sum: [Double]
    var sample: [Int]
    var boxes: [[Float]]
  }

  struct MatchCase: Decodable {
    var name: String
    var height, width, positiveCount: Int
    var boxes: [[Float]]
    var positives: [[Int]]?
    var ignored: [Int]
    var objectSum: Int?
  }

  struct CodingCase: Decodable {
    var anchors, boxes, encoded, codes, decoded: [[Float]]
  }

  struct PostprocessCase: Decodable {
    var height, width, classes: Int
    var divisor, offset: Float
    var content, original: [Int]
    var boxes: [[Float]]
    var scores: [Float]
    var labels: [Int]
  }

  var anchors: [AnchorCase]
  var matching: [MatchCase]
  var coding: CodingCase
  var postprocess: [PostprocessCase]

  static func load() throws -> DetectionGoldens {
    try JSONDecoder().decode(DetectionGoldens.self, from: Data(contentsOf: resource("detection.json")))
  }
}

/// A file of the `Resources` folder beside the tests.
func resource(_ name: String) -> URL {
  URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Resources/\(name)")
}

extension Box {
  init(_ corners: [Float]) { self.init(x1: corners[0], y1: corners[1], x2: corners[2], y2: corners[3]) }

  /// The largest difference of a coordinate.
  func distance(to other: Box) -> Float {
    max(abs(x1 - other.x1), abs(y1 - other.y1), abs(x2 - other.x2), abs(y2 - other.y2))
  }
}
