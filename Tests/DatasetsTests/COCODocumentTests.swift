import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// What other programs leave in the files of annotations and results, with the outcome that Python's json and
/// pycocotools have, or an error that says where and what to do.
@Suite struct COCODocumentTests {
  private static let truth =
    #"{"images":[{"id":1,"file_name":"a.jpg","width":100,"height":100}],"categories":[{"id":1,"name":"x"}],"#
    + #""annotations":[{"id":1,"image_id":1,"category_id":1,"bbox":[10,10,50,40],"area":2000,"iscrowd":0}]}"#
  private static let results = #"[{"image_id":1,"category_id":1,"bbox":[10,10,50,40],"score":0.9}]"#

  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory("coco") }

  private func open(_ bytes: [UInt8]) throws -> COCOIndex {
    try COCOIndex.open(annotations: folder.write(bytes, to: "gt.json"), cache: folder.file("cache"))
  }

  private func open(_ text: String) throws -> COCOIndex { try open(Array(text.utf8)) }

  private func read(_ bytes: [UInt8]) throws -> [COCOResult] {
    try COCOResults.read(folder.write(bytes, to: "dt.json"))
  }

  /// The message of an error 65, without the file that it starts with.
  private func message(_ body: () throws -> Void) -> String {
    let error = thrown(InputError.self) { try body() }
    #expect(error?.exitCode == .badData)
    let text = error?.description ?? ""
    #expect(text.hasPrefix(folder.path), "\(text)")
    return String(text.dropFirst(folder.path.utf8.count + "/gt.json: ".utf8.count))
  }

  @Test(
    "a second document behind the first is an error that says where the first ends",
    arguments: [truth, " \n\t{}", "[]", "7", "\n\u{0}\u{0}", "}", "x"])
  func secondDocument(_ rest: String) {
    let expected = "more data after byte \(Self.truth.utf8.count) of \((Self.truth + rest).utf8.count):"
    #expect(message { _ = try open(Self.truth + rest) }.hasPrefix(expected))
  }

  @Test(
    "a second list of results is an error, and so are results a line each",
    arguments: [
      (results + "\n" + results, "more data after byte 65 of 131"), (results + "{}", "more data after byte 65 of 67"),
      (#"{"image_id":1}"# + "\n{}", "byte 0: expected a list of {image_id, category_id, bbox, score}, got {"),
    ])
  func secondResults(_ text: String, _ expected: String) {
    #expect(message { _ = try read(Array(text.utf8)) }.hasPrefix(expected))
  }

  @Test("white space and a byte-order mark around a document mean nothing")
  func around() throws {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    #expect(try open(mark + Array("\r\n \(Self.truth) \n\t\r\n".utf8)).image(at: 0).fileName == "a.jpg")
    #expect(try read(mark + Array("\(Self.results)\n".utf8)).map(\.score) == [0.9])
    #expect(message { _ = try open(mark) }.contains("there is only white space in it"))
    // Positions count the mark, as other programs show them.
    #expect(
      message { _ = try open(mark + Array((Self.truth + "{}").utf8)) }
        .hasPrefix("more data after byte \(Self.truth.utf8.count + 3) of"))
  }

  @Test("another encoding, or a compressed file, is named with its place and the program that converts it")
  func encodings() {
    let name = Self.truth.replacing(#""x""#, with: "\"caf\u{e9}\"")
    let latin1 = name.unicodeScalars.map { UInt8($0.value) }
    let place = latin1.firstIndex(of: 0xe9) ?? -1
    let cases: [([UInt8], String)] = [
      (
        latin1,
        "byte \(place): expected text in UTF-8, got the byte e9, as in Latin-1; if the file is in that encoding, "
      ),
      (Array(Self.truth.utf16.flatMap { [UInt8($0), 0] }), "byte 0: expected text in UTF-8, got UTF-16LE; convert it"),
      (
        [0xfe, 0xff] + Self.truth.utf8.flatMap { [0, $0] },
        "byte 0: expected text in UTF-8, got UTF-16; convert it with"
      ),
      ([0x1f, 0x8b, 8, 0], "byte 0: expected text in UTF-8, got a file compressed with gzip; unpack it with gunzip"),
    ]
    for (bytes, expected) in cases {
      #expect(message { _ = try open(bytes) }.hasPrefix(expected))
      #expect(message { _ = try read(bytes) }.hasPrefix(expected))
    }
  }

  @Test(
    "what is no JSON says where",
    arguments: [
      ("<!DOCTYPE html>\n<html>", "byte 0: expected an object with images, annotations and categories, got <!DOCTYPE"),
      (
        truth.replacing("a.jpg", with: "a\tb.jpg"),
        "byte 33 is the control character 09 inside a string, expected \\u0009"
      ),
      (String(truth.prefix(40)), "the file ends at byte 40 inside a string"),
      (String(truth.prefix(66)), "the file ends at byte 66 before its first bracket is closed"),
      (truth.replacing("2000", with: "NaN"), "\"area\" is NaN, expected a finite number; JSON has no others"),
      (truth.replacing("50,40", with: "-Infinity,40"), "\"bbox\" is -Infinity, expected a finite number"),
      (
        truth.replacing("50,40],\"area\":2000", with: "1e300,1e300]"),
        "(id 1): \"bbox\" holds 1e+300, expected numbers of pixels up to 1e15"
      ),
    ])
  func broken(_ text: String, _ expected: String) {
    let message = message { _ = try open(text) }
    #expect(message.contains(expected), "\(message)")
  }

  @Test(
    "a key that occurs twice is an error, since Python's json silently takes the last",
    arguments: [
      (truth.dropLast() + #","annotations":[]}"#, "at the top level: the key \"annotations\" occurs twice"),
      (
        truth.replacing("\"area\"", with: #""bbox":[1,2,3,4],"area""#), "annotations[0] (id 1): the key \"bbox\" occurs"
      ),
      (truth.replacing("\"width\"", with: #""height":9,"width""#), "images[0] (id 1): the key \"height\" occurs twice"),
    ])
  func repeatedKey(_ text: String, _ expected: String) {
    #expect(message { _ = try open(text) }.hasPrefix(expected))
  }

  @Test("whole numbers may be written with a point, up to the ends of 64 bits without, and no further")
  func integers() throws {
    let floating = Self.truth.replacing(#"id":1,"#, with: #"id":1.0,"#).replacing(#"width":100"#, with: #"width":1e2"#)
    let index = try open(floating)
    #expect(index.image(at: 0) == COCOImage(id: 1, fileName: "a.jpg", width: 100, height: 100))
    #expect(index.annotations(at: 0).map(\.categoryID) == [1])
    func annotation(_ id: String) -> String {
      Self.truth.replacing(#"[{"id":1,"image"#, with: #"[{"id":\#(id),"image"#)
    }
    for id in [Int.max, .min, -7] { #expect(try open(annotation("\(id)")).annotations(at: 0).map(\.id) == [id]) }
    for id in ["9223372036854775808", "-9223372036854775809", "18446744073709551616", "10000000000000000000000000"] {
      #expect(
        message { _ = try open(annotation(id)) }
          == "annotations[0]: \"id\" is \(id), which exceeds 64 bits; expected an integer from -2^63 to 2^63 - 1")
    }
    for id in ["1.5", "1e30", "null", "true", "\"1\""] {
      #expect(message { _ = try open(annotation(id)) } == "annotations[0]: \"id\" is \(id), expected an integer")
    }
    let result = Self.results.replacing(#"image_id":1"#, with: #"image_id":99999999999999999999"#)
    #expect(
      message { _ = try read(Array(result.utf8)) }.contains("results[0]: \"image_id\" is 99999999999999999999, which"))
  }

  @Test(
    "what only a model needs may be missing or null in an index, and is an error of the data set",
    arguments: [
      (#""file_name":"a.jpg","#, #""file_name":null,"#, "image 1: expected a \"file_name\", got none"),
      (#""width":100,"#, "", "image 1: expected a \"width\" of 1 to 1048576 pixels, got none"),
      (#","height":100"#, #","height":0"#, "image 1: expected a \"height\" of 1 to 1048576 pixels, got none"),
      (#""width":100,"#, #""width":1048577,"#, "image 1: expected a \"width\" of 1 to 1048576 pixels, got none"),
      (#","name":"x""#, "", "category 1: expected a \"name\", got none"),
      (#","name":"x""#, #","name":"""#, "category 1: expected a \"name\", got none"),
    ])
  func missing(_ part: String, _ replacement: String, _ expected: String) throws {
    let index = try open(Self.truth.replacing(part, with: replacement))
    #expect(index.annotations(at: 0).map(\.corners) == [SIMD4(10, 10, 60, 50)])
    #expect(index.categories[0].shownName == (expected.hasPrefix("category") ? "category 1" : "x"))
    let error = thrown(InputError.self) {
      try DetectionDataset(index: index, imageDirectory: folder.path, numbering: .byOrder, classCount: 1)
    }
    #expect(error?.exitCode == .badData)
    #expect(
      error?.description == "\(folder.file("gt.json")): \(expected); a model cannot do without, scoring can: add it")
  }

  @Test("annotation ids on which the figures of pycocotools depend are told, others are not")
  func annotationIDs() throws {
    let object = #"{"id":1,"image_id":1,"category_id":1,"bbox":[10,10,50,40],"area":2000,"iscrowd":0}"#
    func remarks(_ ids: Int...) throws -> [String] {
      let objects = ids.map { object.replacing(#""id":1"#, with: #""id":\#($0)"#) }.joined(separator: ",")
      return try open(Self.truth.replacing(object, with: objects)).annotationIDRemarks
    }
    #expect(try remarks(1, 2, -1, 3).isEmpty)
    #expect(
      try remarks(5, 0) == [
        "annotation id 0 of image 1: pycocotools never counts this object as found, and so do the figures; number "
          + "annotations from 1"
      ])
    let repeated = try remarks(7, 8, 7, 7)
    #expect(repeated.count == 1 && repeated[0].contains("2 of 4 annotations have an id that another has, such as 7 in"))
    #expect(try remarks(0, 0).count == 2)
  }
}
