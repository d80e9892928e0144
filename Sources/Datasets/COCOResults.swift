import CSimdJSON
// Only this name: the module also has a type `Detection`, which would hide the module's name.
import struct Detection.COCOResult
import Tensors

/// The evaluator's type for an entry of a results file, under this module's name too.
public typealias COCOResult = Detection.COCOResult

extension COCOResult {
  /// A result of its parts, in pixels of the stored picture.
  public init(imageID: Int, categoryID: Int, x: Double, y: Double, width: Double, height: Double, score: Double) {
    self.init(imageID: imageID, categoryID: categoryID, box: SIMD4(x, y, width, height), score: score)
  }

  /// The left edge in pixels of the stored picture.
  public var x: Double { box[0] }
  /// The upper edge in pixels of the stored picture.
  public var y: Double { box[1] }
  /// The width in pixels of the stored picture.
  public var width: Double { box[2] }
  /// The height in pixels of the stored picture.
  public var height: Double { box[3] }
}

/// Results files: a JSON list of {image_id, category_id, bbox: [x, y, width, height], score}.
public enum COCOResults {
  /// Reads a results file; other keys of an entry are passed over.
  ///
  /// Throws exit code 66 for a missing file and 65 with the place for one that is not a whole results file.
  public static func read(_ path: String) throws -> [COCOResult] {
    var results: UnsafeMutablePointer<CSJResult>?
    var count = 0
    defer { csj_free_results(results) }
    try callReader(path) { message, capacity in csj_read_results(path, &results, &count, message, capacity) }
    return UnsafeBufferPointer(start: results, count: count).map { record in
      COCOResult(
        imageID: Int(record.image_id), categoryID: Int(record.category_id), x: record.x, y: record.y,
        width: record.width, height: record.height, score: record.score)
    }
  }

  /// Writes a results file, complete or not at all; every number reads back as the same one.
  ///
  /// Traps for a number that is not finite, which JSON cannot hold. Throws exit code 73 when it cannot be written.
  public static func write(_ results: [COCOResult], to path: String) throws {
    var text = "["
    text.reserveCapacity(results.count * 120)
    for (index, result) in results.enumerated() {
      let numbers = [result.x, result.y, result.width, result.height, result.score]
      require(numbers.allSatisfy(\.isFinite), "a result of image \(result.imageID) is not finite: \(numbers)")
      text += index == 0 ? "\n" : ",\n"
      text += "{\"image_id\": \(result.imageID), \"category_id\": \(result.categoryID), \"bbox\": ["
      text += "\(result.x), \(result.y), \(result.width), \(result.height)], \"score\": \(result.score)}"
    }
    text += "\n]\n"
    try writeFile(Array(text.utf8), to: path)
  }
}
