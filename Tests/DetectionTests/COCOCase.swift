import Detection
import Foundation

/// Ground truth, results and the figures that pycocotools computed for them.
///
/// Read with `JSONDecoder`, whose numbers are exact; those of `JSONSerialization` can be off by a few units in the last
/// place.
struct COCOCase {
  var name: String
  var imageIDs: [Int]
  var categoryIDs: [Int]
  var groundTruth: [COCOGroundTruth]
  var results: [COCOResult]
  var expected: Expected

  /// The figures of a golden file.
  struct Expected: Decodable {
    var stats: [String: Double]
    var perClass: [String: Double]

    enum CodingKeys: String, CodingKey {
      case stats
      case perClass = "per_class_AP"
    }
  }

  /// The cases that `Tests/Goldens/coco_eval_goldens.py` wrote.
  static func own() throws -> [COCOCase] {
    struct File: Decodable {
      struct Case: Decodable {
        var name: String
        var images, categories: [Int]
        var objects, results: [[Double]]
        var expected: Expected
      }

      var cases: [Case]
    }
    return try decode(File.self, resource("coco-evaluation.json")).cases.map { golden in
      COCOCase(
        name: golden.name, imageIDs: golden.images, categoryIDs: golden.categories,
        groundTruth: golden.objects.map { row in
          COCOGroundTruth(
            id: Int(row[0]), imageID: Int(row[1]), categoryID: Int(row[2]), box: SIMD4(row[3...6]), area: row[7],
            isCrowd: row[8] == 1)
        },
        results: golden.results.map { row in
          COCOResult(imageID: Int(row[0]), categoryID: Int(row[1]), box: SIMD4(row[2...5]), score: row[6])
        },
        expected: golden.expected)
    }
  }

  /// The bounding-box cases of a folder of COCO files with an `expected.json`.
  static func shared(_ folder: URL) throws -> [COCOCase] {
    struct Index: Decodable {
      struct Case: Decodable {
        var iou_type, gt, dt: String
      }

      var cases: [String: Case]
    }
    struct Figures: Decodable {
      var cases: [String: Expected]
    }
    struct Annotations: Decodable {
      struct Identified: Decodable {
        var id: Int
      }
      struct Object: Decodable {
        var id, image_id, category_id: Int
        var bbox: [Double]
        var area: Double
        var iscrowd: Int
      }

      var images, categories: [Identified]
      var annotations: [Object]
    }
    struct Result: Decodable {
      var image_id, category_id: Int
      var bbox: [Double]
      var score: Double
    }
    let expected = folder.appending(path: "expected.json")
    let figures = try decode(Figures.self, expected).cases
    let cases = try decode(Index.self, expected).cases.filter { $1.iou_type == "bbox" }
    return try cases.sorted { $0.key < $1.key }.map { name, golden in
      let annotations = try decode(Annotations.self, folder.appending(path: golden.gt))
      return COCOCase(
        name: name, imageIDs: annotations.images.map(\.id), categoryIDs: annotations.categories.map(\.id),
        groundTruth: annotations.annotations.map { row in
          COCOGroundTruth(
            id: row.id, imageID: row.image_id, categoryID: row.category_id, box: SIMD4(row.bbox), area: row.area,
            isCrowd: row.iscrowd == 1)
        },
        results: try decode([Result].self, folder.appending(path: golden.dt)).map { row in
          COCOResult(imageID: row.image_id, categoryID: row.category_id, box: SIMD4(row.bbox), score: row.score)
        },
        expected: figures[name] ?? Expected(stats: [:], perClass: [:]))
    }
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, _ url: URL) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: url))
  }

  /// The figures in which an evaluation differs, in words; figures without an expectation count as different.
  func differences(from metrics: COCOMetrics) -> [String] {
    var differences: [String] = []
    for (figure, value) in metrics.stats.named {
      let longNames = ["APs": "AP_small", "APm": "AP_medium", "APl": "AP_large"]
      let longRecalls = ["ARs": "AR_small", "ARm": "AR_medium", "ARl": "AR_large"]
      let other = longNames[figure] ?? longRecalls[figure] ?? figure
      let wanted = expected.stats[figure] ?? expected.stats[other]
      if value != wanted { differences.append("\(name): \(figure) \(value), not \(wanted ?? .nan)") }
    }
    for category in Set(metrics.perClassAveragePrecision.keys.map(String.init)).union(expected.perClass.keys) {
      let value = metrics.perClassAveragePrecision[Int(category) ?? -1]
      let wanted = expected.perClass[category]
      if value == nil || value != wanted {
        differences.append("\(name): category \(category) \(value ?? .nan), not \(wanted ?? .nan)")
      }
    }
    return differences
  }
}
