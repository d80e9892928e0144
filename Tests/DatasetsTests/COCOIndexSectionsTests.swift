import CSimdJSON
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Index files that somebody else wrote into the cache: every number is wrong once, and the hash is right.
@Suite struct COCOIndexSectionsTests {
  private static let truth = """
    {"images": [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 8}, {"id": 2, "file_name": "b.jpg", "width": 9,
    "height": 8}], "categories": [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}], "annotations": [
    {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]},
    {"id": 2, "image_id": 2, "category_id": 2, "bbox": [1, 2, 3, 4]}]}
    """

  private let folder: TemporaryDirectory
  private let path: String
  private let name: String
  private let sound: [UInt8]

  init() throws {
    folder = try TemporaryDirectory("index")
    path = try folder.write(Self.truth, to: "gt.json")
    _ = try COCOIndex.open(annotations: path, cache: folder.path)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    name = folder.file(try #require(names.first { $0.hasSuffix(".index") }))
    sound = [UInt8](try Data(contentsOf: URL(fileURLWithPath: name)))
  }

  /// Puts an index with the right hash into the cache; opening must build it again.
  private func expectRebuilt(_ what: String, _ change: (inout [UInt8]) -> Void) throws {
    var forged = sound
    change(&forged)
    try #require(forged != sound, "\(what) changes nothing")
    var hash = forged.withUnsafeBytes { COCOIndexSections.indexHash($0) }
    withUnsafeBytes(of: &hash) { forged.replaceSubrange(8..<16, with: $0) }
    try Data(forged).write(to: URL(fileURLWithPath: name))
    let index = try COCOIndex.open(annotations: path, cache: folder.path)
    #expect((0..<2).map { index.image(at: $0).fileName } == ["a.jpg", "b.jpg"], "\(what)")
    #expect((0..<2).flatMap { index.annotations(at: $0) }.map(\.id) == [1, 2], "\(what)")
    #expect(index.categories.map(\.name) == ["x", "y"], "\(what)")
    #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: name))) == sound, "\(what)")
  }

  private func put(_ value: some FixedWidthInteger, at place: Int, in bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.replaceSubrange(place..<place + $0.count, with: $0) }
  }

  @Test("each offset, count and length of the header out of its place is rebuilt")
  func header() throws {
    // The fields behind magic, hash, version, content hash and size: pairs of count and offset, and the file's size.
    for field in 5..<14 {
      for value in [UInt64(0), 1, 3, 1 << 32, 1 << 40, 1 << 63, .max, 4_000_000_000] {
        try expectRebuilt("field \(field) of the header being \(value)") { put(value, at: field * 8, in: &$0) }
      }
    }
    try expectRebuilt("a section off its alignment") { bytes in
      let place = MemoryLayout<CSJHeader>.offset(of: \.annotation_offset) ?? 0
      put(UInt64(bytes[place]) + 1, at: place, in: &bytes)
    }
    try expectRebuilt("a byte too many") { bytes in
      bytes.append(0)
      put(UInt64(bytes.count), at: 13 * 8, in: &bytes)
    }
  }

  @Test("each place, count, id and size of an image or category out of its range is rebuilt")
  func records() throws {
    let images = MemoryLayout<CSJHeader>.size
    for image in [images, images + MemoryLayout<CSJImage>.stride] {
      for value in [UInt32.max, 1 << 21] {
        try expectRebuilt("width") { put(value, at: image + 8, in: &$0) }
        try expectRebuilt("height") { put(value, at: image + 12, in: &$0) }
        try expectRebuilt("length of a name") { put(value, at: image + 24, in: &$0) }
        try expectRebuilt("number of annotations") { put(value, at: image + 28, in: &$0) }
      }
      for value in [UInt64(1) << 40, .max, .max - 3] {
        try expectRebuilt("place of a name") { put(value, at: image + 16, in: &$0) }
        try expectRebuilt("first annotation") { put(value, at: image + 32, in: &$0) }
      }
    }
    try expectRebuilt("ids out of order") { put(Int64(2), at: images, in: &$0) }
    let categories = images + 2 * MemoryLayout<CSJImage>.stride + 2 * MemoryLayout<CSJAnnotation>.stride
    for category in [categories, categories + MemoryLayout<CSJCategory>.stride] {
      for value in [UInt64(1) << 40, .max, .max - 3] {
        try expectRebuilt("place of a category's name") { put(value, at: category + 8, in: &$0) }
        try expectRebuilt("length of a category's name") { put(value, at: category + 16, in: &$0) }
      }
    }
    try expectRebuilt("categories out of order") { put(Int64(9), at: categories, in: &$0) }
  }

  @Test("an annotation of an unknown category, or with a number that is not finite, is rebuilt")
  func annotations() throws {
    let first = MemoryLayout<CSJHeader>.size + 2 * MemoryLayout<CSJImage>.stride
    for annotation in [first, first + MemoryLayout<CSJAnnotation>.stride] {
      try expectRebuilt("unknown category") { put(Int64(3), at: annotation + 8, in: &$0) }
      for place in stride(from: 16, to: 56, by: 8) {
        for value in [Double.nan, .infinity, -.infinity] + (place < 48 ? [1.1e15, -1e16] : []) {
          try expectRebuilt("number at \(place)") { put(value.bitPattern, at: annotation + place, in: &$0) }
        }
      }
    }
  }
}
