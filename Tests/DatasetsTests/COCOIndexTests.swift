import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

private let valid = """
  {"info": {"year": 2017, "nested": [1, {"a": "}]"}]}, "licenses": [],
   "annotations": [
    {"segmentation": [[1.5, 2, 3, 4.25]], "area": 12.5, "iscrowd": 0, "image_id": 9, "bbox": [1.25, 2, 30, 40.5],
     "category_id": 3, "id": 100},
    {"id": 101, "image_id": 4, "category_id": 7, "bbox": [0, 0, 5, 6], "iscrowd": 1, "segmentation": {"counts": [1]}},
    {"id": 102, "image_id": 9, "category_id": 7, "bbox": [1e1, 2.5e0, 3, 4]}],
   "images": [
    {"id": 9, "file_name": "b/\\u00fcber \\"x\\".jpg", "width": 640, "height": 480, "flickr_url": "http://x"},
    {"license": 1, "file_name": "a.jpg", "height": 20, "width": 10, "id": 4},
    {"id": 12, "file_name": "empty.jpg", "width": 1, "height": 2}],
   "categories": [{"id": 7, "name": "seven", "supercategory": "s"}, {"id": 3, "name": "three"}]}
  """

@Suite struct COCOIndexTests {
  @Test("images, annotations and categories of a small file are read in the order of their ids")
  func smallFile() throws {
    try withFile(valid) { path, cache in
      let index = try COCOIndex.open(annotations: path, cache: cache)
      #expect(index.categories == [COCOCategory(id: 3, name: "three"), COCOCategory(id: 7, name: "seven")])
      #expect(index.imageCount == 3 && index.annotationCount == 3)
      #expect(index.image(at: 0) == COCOImage(id: 4, fileName: "a.jpg", width: 10, height: 20))
      #expect(index.image(at: 1).fileName == "b/über \"x\".jpg")
      #expect((0..<3).map(index.imageID) == [4, 9, 12])
      #expect([4, 9, 12, 5, -1, 99].map { index.imageIndex(withID: $0) } == [0, 1, 2, nil, nil, nil])
      #expect(index.annotations(at: 2).isEmpty)
      #expect(
        index.annotations(at: 0) == [
          COCOAnnotation(id: 101, categoryID: 7, x: 0, y: 0, width: 5, height: 6, area: 30, isCrowd: true)
        ])
      let objects = index.annotations(at: 1)
      #expect(objects.map(\.id) == [100, 102] && objects.map(\.area) == [12.5, 12])
      #expect(objects[0].corners == SIMD4(1.25, 2, 31.25, 42.5) && !objects[0].isCrowd)
    }
  }

  @Test("real files hold what JSONSerialization reads from them", .enabled(if: Fixtures.sharedData != nil))
  func realFiles() throws {
    let root = try #require(Fixtures.sharedData)
    let folder = root + "/coco-mini/annotations"
    let files =
      try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }.filter {
        $0.contains("instances") && $0.hasSuffix("json")
      } + ["train", "val"].map { "\(root)/bccd/annotations_coco/instances_\($0).json" }
    #expect(files.count >= 4)
    for file in files {
      try Fixtures.withTemporaryDirectory { cache in try compare(file, COCOIndex.open(annotations: file, cache: cache))
      }
    }
  }

  private func compare(_ file: String, _ index: COCOIndex) throws {
    let parsed = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file)))
    let json = try #require(parsed as? [String: Any])
    let images = try #require(json["images"] as? [[String: Any]])
    let annotations = try #require(json["annotations"] as? [[String: Any]])
    #expect(index.imageCount == images.count)
    for image in images {
      let position = try #require(index.imageIndex(withID: image["id"] as? Int ?? -1))
      let record = index.image(at: position)
      #expect(record.id == image["id"] as? Int)
      #expect(record.fileName == image["file_name"] as? String)
      #expect(record.width == image["width"] as? Int && record.height == image["height"] as? Int)
    }
    var seen: [Int: Int] = [:]
    for annotation in annotations {
      let id = annotation["image_id"] as? Int ?? -1
      let position = try #require(index.imageIndex(withID: id))
      let object = index.annotations(at: position)[seen[id, default: 0]]
      seen[id, default: 0] += 1
      #expect(object.id == annotation["id"] as? Int && object.categoryID == annotation["category_id"] as? Int)
      #expect([object.x, object.y, object.width, object.height] == annotation["bbox"] as? [Double])
      // JSONSerialization rounds numbers of 17 digits carelessly: up to 1e-14 of the value.
      let area = annotation["area"] as? Double ?? .nan
      #expect(abs(object.area - area) <= 1e-14 * area)
      #expect(object.isCrowd == (annotation["iscrowd"] as? Int == 1))
    }
    #expect(seen.values.reduce(0, +) == index.annotationCount)
  }

  @Test(
    "each fault of an annotation file is error 65 that names the file and the place",
    arguments: [
      ("\"image_id\": 4", "\"image_id\": 5", ["annotations[1] (id 101)", "\"image_id\" 5 is the id of no image"]),
      (
        "\"category_id\": 3", "\"category_id\": 4",
        [
          "annotations[0] (id 100)", "\"category_id\" 4", "2 categories (3, 7); correct it, add the category or remove",
        ]
      ),
      (
        "\"category_id\": 3, \"id\": 100", "\"id\": 100",
        ["annotations[0] (id 100)", "has no key \"category_id\"; add it, or"]
      ),
      ("\"bbox\": [0, 0, 5, 6], ", "", ["annotations[1] (id 101)", "has no key \"bbox\""]),
      ("[0, 0, 5, 6]", "[0, 0, 5]", ["annotations[1] (id 101)", "[x, y, width, height]; mend or remove the entry"]),
      ("[0, 0, 5, 6]", "[0, 0, 5, \"6\"]", ["annotations[1] (id 101)", "\"bbox\" is \"6\", expected a number"]),
      ("[0, 0, 5, 6]", "null", ["annotations[1] (id 101)", "\"bbox\" is null"]),
      ("\"image_id\": 4", "\"image_id\": \"4\"", ["annotations[1] (id 101)", "is \"4\", expected an integer"]),
      ("\"image_id\": 4", "\"image_id\": 4.5", ["annotations[1] (id 101)", "is 4.5, expected an integer"]),
      ("\"width\": 10", "\"width\": \"10\"", ["images[1]", "\"width\" is \"10\", expected an integer"]),
      ("\"id\": 12", "\"ID\": 12", ["images[2]", "has no key \"id\""]),
      ("\"a.jpg\"", "17", ["images[1]", "\"file_name\" is 17, expected a string"]),
      ("\"id\": 12", "\"id\": 4", ["images[1] and [2]: id 4 occurs twice; give each an id of its own"]),
      (
        "\"id\": 3", "\"id\": 7",
        ["categories[0] and [1]: id 7 occurs twice; give each an id of its own, or remove one"]
      ),
      ("\"id\": 3", "\"key\": 3", ["categories[1]", "has no key \"id\""]),
      ("\"annotations\"", "\"annotation\"", ["has no key \"annotations\"; is it an annotation file of COCO's"]),
      ("\"images\": [", "\"images\": 3, \"other\": [", ["images", "expected a list"]),
      ("{\"license\": 1,", "7, {\"license\": 1,", ["images[1] is 7, expected an object"]),
      ("\"area\": 12.5,", "\"area\": 12.5", ["annotations[0]", "not complete or not valid JSON", "byte"]),
      ("\"bbox\": [1e1, 2.5e0", "\"bbox\": [1e1, 2.5x0", ["annotations[2] (id 102)", "2.5x0"]),
    ])
  func faults(original: String, replacement: String, expected: [String]) throws {
    let broken = valid.replacingOccurrences(of: original, with: replacement)
    #expect(broken != valid)
    try withFile(broken) { path, cache in
      let error = thrown(InputError.self) { try COCOIndex.open(annotations: path, cache: cache) }
      #expect(error?.exitCode == .badData)
      let message = error?.description ?? ""
      for part in [path] + expected { #expect(message.contains(part), "\(message)") }
      let names = try FileManager.default.contentsOfDirectory(atPath: cache)
      #expect(names.allSatisfy { !$0.hasPrefix("coco-") })
    }
  }

  @Test("a file cut at any byte is error 65, whatever the cut")
  func truncation() throws {
    let bytes = Array(valid.utf8)
    try Fixtures.withTemporaryDirectory { directory in
      for length in 0..<bytes.count {
        let path = "\(directory)/cut.json"
        try writeFile(Array(bytes.prefix(length)), to: path)
        let error = thrown(InputError.self) {
          try COCOIndex.open(annotations: path, cache: directory + "/cache")
        }
        #expect(error?.exitCode == .badData && error?.description.hasPrefix(path) == true)
      }
    }
  }

  @Test("a missing file is error 66, a cache that cannot be made error 73")
  func missing() throws {
    try withFile(valid) { path, cache in
      let missing = thrown(InputError.self) {
        try COCOIndex.open(annotations: path + ".no", cache: cache)
      }
      #expect(missing?.exitCode == .missingFile && missing?.description.contains(path + ".no") == true)
      let unwritable = thrown(InputError.self) { try COCOIndex.open(annotations: path, cache: path + "/x") }
      #expect(unwritable?.exitCode == .cannotWrite && unwritable?.description.contains("DROPBLOCK_CACHE") == true)
    }
  }

  @Test("equal content shares one index whatever its name and date, changed content gets another")
  func keyedByContent() throws {
    try withFile(valid) { path, cache in
      _ = try COCOIndex.open(annotations: path, cache: cache)
      func indexes() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasPrefix("coco-") }
      }
      #expect(try indexes().count == 1)
      try writeFile(Array(valid.utf8), to: path + "2")
      _ = try COCOIndex.open(annotations: path + "2", cache: cache)
      #expect(try indexes().count == 1)
      let changed = valid.replacingOccurrences(of: "\"seven\"", with: "\"eight\"")
      try writeFile(Array(changed.utf8), to: path)
      #expect(try COCOIndex.open(annotations: path, cache: cache).categories[1].name == "eight")
      #expect(try indexes().count == 2)
    }
  }

  @Test("an index is built again when it is cut, or any bit of it changes")
  func damagedIndex() throws {
    try withFile(valid) { path, cache in
      _ = try COCOIndex.open(annotations: path, cache: cache)
      let names = try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasPrefix("coco-") }
      let name = "\(cache)/\(try #require(names.first))"
      var bytes: [UInt8] = []
      try readFile(name, into: &bytes)
      var again: [UInt8] = []
      let flipped = bytes.indices.map { index in
        var changed = bytes
        changed[index] ^= 1 << UInt8(index % 8)
        return changed
      }
      for damaged in flipped + [bytes.dropLast(), []] {
        try writeFile(damaged, to: name)
        #expect(try COCOIndex.open(annotations: path, cache: cache).imageCount == 3)
        try readFile(name, into: &again)
        #expect(again == bytes)
      }
    }
  }

  @Test("the fingerprint sees every byte and the length, and does not depend on the pieces")
  func contentHash() {
    var bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    func hash(_ bytes: [UInt8], split: Int) -> UInt64 {
      var hash = ContentHash()
      bytes.withUnsafeBytes {
        hash.update(UnsafeRawBufferPointer(rebasing: $0[..<split]))
        hash.update(UnsafeRawBufferPointer(rebasing: $0[split...]))
      }
      return hash.value
    }
    let whole = hash(bytes, split: 0)
    #expect(hash(bytes, split: 512) == whole)
    var seen: Set<UInt64> = [whole]
    for index in 0..<1000 {
      bytes[index] ^= 1
      #expect(seen.insert(hash(bytes, split: 0)).inserted)
      bytes[index] ^= 1
    }
    #expect(seen.insert(hash(bytes + [0], split: 0)).inserted && seen.insert(hash(bytes.dropLast(), split: 0)).inserted)
  }
}

@Suite struct COCOResultsTests {
  @Test("results read back as the numbers that were written, and entries of other programs are read")
  func roundTrip() throws {
    try Fixtures.withTemporaryDirectory { directory in
      let path = directory + "/results.json"
      let results = (0..<100).map { number in
        let value = Double(number)
        return COCOResult(
          imageID: number * 5, categoryID: number % 7, x: value / 3, y: 1e-7 * value, width: 1 / (value + 1),
          height: 1e6 / 7, score: Double(Float(value) * 0.0099))
      }
      try COCOResults.write(results, to: path)
      #expect(try COCOResults.read(path).map(numbers) == results.map(numbers))
      #expect(try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) is [[String: Any]])
      try COCOResults.write([], to: path)
      #expect(try COCOResults.read(path).isEmpty)
      let other =
        "[{\"score\": 1, \"id\": 3, \"bbox\":[1,2,3,4], \"category_id\":2, \"segmentation\": {}, \"image_id\": 8}]"
      try writeFile(Array(other.utf8), to: path)
      #expect(try COCOResults.read(path).map(numbers) == [[8, 2, 1, 2, 3, 4, 1]])
    }
  }

  @Test(
    "each fault of a results file is error 65 that names the file and the entry",
    arguments: [
      ("{}", "expected a list"), ("", "empty"), ("[{\"image_id\": 1", "not valid JSON"),
      ("[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3, 4]}]", "results[0]: has no key \"score\""),
      ("[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, 3], \"score\": 1}]", "results[0]: \"bbox\" has 3"),
      ("[{\"image_id\": \"a\"}]", "results[0]: \"image_id\" is \"a\", expected an integer"), ("[3]", "results[0] is 3"),
    ])
  func faults(content: String, expected: String) throws {
    try withFile(content) { path, _ in
      let error = thrown(InputError.self) { try COCOResults.read(path) }
      #expect(error?.exitCode == .badData)
      #expect(error?.description.hasPrefix(path) == true && error?.description.contains(expected) == true, "\(error!)")
    }
    #expect(throws: InputError.self) { try COCOResults.read("/nowhere/results.json") }
  }
}

/// Everything in a result.
private func numbers(_ result: COCOResult) -> [Double] {
  [Double(result.imageID), Double(result.categoryID), result.x, result.y, result.width, result.height, result.score]
}

/// Runs `body` with the path of a file of this content and a cache directory that is not there yet.
private func withFile(_ content: String, _ body: (String, String) throws -> Void) throws {
  try Fixtures.withTemporaryDirectory { directory in
    let path = directory + "/instances.json"
    try writeFile(Array(content.utf8), to: path)
    try body(path, directory + "/cache")
  }
}
