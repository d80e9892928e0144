import Foundation
import TestSupport
import Testing

/// Oracle: a case small enough to score by hand, pycocotools' figures where the shared data is there, and the
/// documented exit codes.
@Suite struct ScoreCommandTests {
  /// One image with a disc of 10 x 10 and a square of 10 x 10; the disc is found exactly, the square is not.
  static let annotations = """
    {"images": [{"id": 7, "file_name": "a.jpg", "width": 64, "height": 64}],
     "categories": [{"id": 3, "name": "disc"}, {"id": 5, "name": "square"}, {"id": 9, "name": "star"}],
     "annotations": [
       {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 10, 10, 10], "area": 100, "iscrowd": 0},
       {"id": 2, "image_id": 7, "category_id": 5, "bbox": [40, 40, 10, 10], "area": 100, "iscrowd": 0}]}
    """
  static let results = #"[{"image_id": 7, "category_id": 3, "bbox": [10, 10, 10, 10], "score": 0.9}]"#

  /// Runs `score` on two texts.
  func score(_ annotations: String, _ results: String, json: String? = nil) throws -> (CommandResult, [String: Any]?) {
    let folder = try TemporaryDirectory("score")
    let file = json ?? folder.file("figures.json")
    let result = try runProgram(
      [
        "score", "--annotations", folder.write(annotations, to: "gt.json"), "--results",
        folder.write(results, to: "dt.json"), "--json", file,
      ], environment: ["DROPBLOCK_CACHE": folder.file("cache")])
    let data = FileManager.default.contents(atPath: file)
    return (result, try data.flatMap { try JSONSerialization.jsonObject(with: $0) as? [String: Any] })
  }

  @Test("one of two objects found exactly gives half of everything, -1 where nothing is to be found")
  func byHand() throws {
    let (result, figures) = try score(Self.annotations, Self.results)
    #expect(result.exitCode == 0, "\(result)")
    let stats = try #require(figures?["stats"] as? [String: Double])
    // pycocotools divides by (found + 2^-52), so a perfect precision is 1 less a few roundings.
    #expect(stats.count == 12)
    for name in ["AP", "AP50", "AP75", "APs", "AR1", "AR10", "AR100", "ARs"] {
      #expect(abs(try #require(stats[name]) - 0.5) < 1e-12, "\(name)")
    }
    #expect(["APm", "APl", "ARm", "ARl"].allSatisfy { stats[$0] == -1 })
    let perClass = try #require(figures?["per_class_AP"] as? [String: Double])
    #expect(perClass.count == 3 && perClass["5"] == 0 && perClass["9"] == -1)
    #expect(abs(try #require(perClass["3"]) - 1) < 1e-12)
    #expect(result.output.contains("disc     1.000"))
    #expect(!result.output.contains("star"))
    #expect(result.errorOutput.isEmpty)
  }

  @Test(
    "figures are those of pycocotools",
    .enabled(if: Locations.shared != nil, "needs the reference cases of the shared data, see DROPBLOCK_SHARED"))
  func reference() throws {
    let folder = try #require(Locations.shared) + "/data/coco-eval-golden"
    let expected = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder + "/expected.json")))
        as? [String: Any])
    let names = [
      "AP_small": "APs", "AP_medium": "APm", "AP_large": "APl", "AR_small": "ARs", "AR_medium": "ARm",
      "AR_large": "ARl",
    ]
    let cases = try #require(expected["cases"] as? [String: [String: Any]]).filter {
      $0.value["iou_type"] as? String == "bbox"
    }
    #expect(cases.count == 4)
    for (name, reference) in cases {
      let output = try TemporaryDirectory("score")
      let (truth, results) = (try #require(reference["gt"] as? String), try #require(reference["dt"] as? String))
      let result = try runProgram(
        [
          "score", "--annotations", "\(folder)/\(truth)", "--results", "\(folder)/\(results)", "--json",
          output.file("figures.json"),
        ], environment: ["DROPBLOCK_CACHE": output.file("cache")])
      #expect(result.exitCode == 0, "\(result)")
      let figures = try #require(
        JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: output.file("figures.json"))))
          as? [String: [String: Double]])
      for (key, value) in try #require(reference["stats"] as? [String: Double]) {
        #expect(abs(try #require(figures["stats"]?[names[key] ?? key]) - value) < 1e-6, "\(name) \(key)")
      }
      let perClass = try #require(reference["per_class_AP"] as? [String: Double])
      #expect(figures["per_class_AP"]?.count == perClass.count)
      for (category, value) in perClass {
        #expect(abs(try #require(figures["per_class_AP"]?[category]) - value) < 1e-6, "\(name) category \(category)")
      }
    }
  }

  @Test("only what is used is asked for: names and sizes may be missing, and ids are shown for names")
  func optionalKeys() throws {
    let bare = Self.annotations.replacing(#", "file_name": "a.jpg", "width": 64, "height": 64"#, with: "")
      .replacing(#", "name": "disc""#, with: "").replacing(#", "name": "square""#, with: "")
    #expect(!bare.contains("width") && !bare.contains("disc"))
    let (whole, bareScore) = (try score(Self.annotations, Self.results), try score(bare, Self.results))
    #expect(bareScore.0.exitCode == 0 && bareScore.0.errorOutput.isEmpty, "\(bareScore.0)")
    #expect(bareScore.1?["stats"] as? [String: Double] == whole.1?["stats"] as? [String: Double])
    #expect(bareScore.0.output.contains("category 3   1.000") && bareScore.0.output.contains("category 5   0.000"))
  }

  @Test(
    "an annotation with id 0 is never found, as in pycocotools, and a warning says so; the same id twice counts twice")
  func annotationIDs() throws {
    let (zero, figures) = try score(Self.annotations.replacing(#"{"id": 1,"#, with: #"{"id": 0,"#), Self.results)
    #expect(zero.exitCode == 0 && (figures?["stats"] as? [String: Double])?["AP"] == 0, "\(zero)")
    #expect(
      zero.errorOutput.hasPrefix("warning: ") && zero.errorOutput.contains("gt.json: annotation id 0 of image 7: "))
    let (twice, again) = try score(Self.annotations.replacing(#"{"id": 2,"#, with: #"{"id": 1,"#), Self.results)
    #expect(abs(((again?["stats"] as? [String: Double])?["AP"] ?? 0) - 0.5) < 1e-12, "\(twice)")
    #expect(twice.errorOutput.contains("gt.json: 1 of 2 annotations have an id that another has, such as 1 in image 7"))
  }

  @Test("results of categories and images that the annotations do not list are counted and named")
  func unknown() throws {
    func result(_ category: Int, image: Int = 7) -> String {
      #"{"image_id": \#(image), "category_id": \#(category), "bbox": [10, 10, 10, 10], "score": 0.9}"#
    }
    // AP as pycocotools: nothing is found.
    let (all, figures) = try score(Self.annotations, "[\(result(1)), \(result(7)), \(result(1))]")
    #expect(all.exitCode == 0 && (figures?["stats"] as? [String: Double])?["AP"] == 0, "\(all)")
    #expect(
      all.errorOutput.hasPrefix("warning: ")
        && all.errorOutput.contains("dt.json: 3 of 3 results have a category that ")
        && all.errorOutput.contains("gt.json does not list, and count for nothing: 1, 7; it lists 3, 5, 9"), "\(all)")
    let (some, half) = try score(Self.annotations, "[\(result(3)), \(result(4))]")
    #expect(some.errorOutput.contains("1 of 2 results") && some.errorOutput.contains("for nothing: 4; "), "\(some)")
    #expect(abs(((half?["stats"] as? [String: Double])?["AP"] ?? 0) - 0.5) < 1e-12)
    let many = try score(Self.annotations, "[\((20..<40).map { result($0) }.joined(separator: ","))]").0
    #expect(many.errorOutput.contains("for nothing: 20, 21, 22, 23, 24, 25, 26, 27, 28, ..., 39; it"), "\(many)")
    let images = try score(Self.annotations, "[\(result(3)), \(result(3, image: 8)), \(result(3, image: 9))]").0
    #expect(images.exitCode == 65)
    #expect(images.errorOutput.contains("dt.json: 2 of 3 results are of images that are not among the 1 of the"))
    #expect(images.errorOutput.contains("such as result 1 of image id 8; score"))
  }

  @Test("bad input names the file and has its documented code")
  func badInput() throws {
    let truncated = try score(String(Self.annotations.dropLast(20)), Self.results).0
    #expect(truncated.exitCode == 65)
    #expect(truncated.errorOutput.contains("gt.json"))
    let notResults = try score(Self.annotations, "{}").0
    #expect(notResults.exitCode == 65)
    #expect(notResults.errorOutput.contains("dt.json"))
    let foreign = try score(Self.annotations, Self.results.replacing("\"image_id\": 7", with: "\"image_id\": 8")).0
    #expect(foreign.exitCode == 65)
    #expect(foreign.errorOutput.contains("dt.json") && foreign.errorOutput.contains("image id 8"))
    let unwritable = try score(Self.annotations, Self.results, json: "/proc/figures.json").0
    #expect(unwritable.exitCode == 73)
    #expect(unwritable.errorOutput.contains("/proc/figures.json"))
    let missing = try runProgram(["score", "--annotations", "/no/such.json", "--results", "/no/such.json"])
    #expect(missing.exitCode == 66)
    #expect(missing.errorOutput.contains("/no/such.json"))
    for result in [truncated, notResults, foreign, unwritable, missing] {
      #expect(result.errorOutput.hasPrefix("error: "))
      #expect(result.errorOutput.split(separator: "\n").count == 1, "\(result)")
    }
  }
}
