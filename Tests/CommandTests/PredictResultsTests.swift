import Foundation
import TestSupport
import Testing

/// Oracle: pycocotools, which reads what `predict` found.
@Suite(.enabled(if: PythonEnvironment.runsCOCO, Comment(rawValue: PythonEnvironment.cocoReason)))
struct PredictResultsTests {
  @Test("pycocotools loads the results beside the list of images, and gives every one back")
  func load() throws {
    let trained = try TrainedRun.shared.get()
    let folder = try TemporaryDirectory("predict")
    let pictures = (1...3).map { "\(trained.data)/val2017/00000\($0).jpg" }
    let found = folder.file("found")
    let result = try runProgram(
      ["predict", "--checkpoint", trained.run, "--output", found] + pictures, environment: trained.environment)
    try #require(result.exitCode == 0, "\(result)")
    let checked = try PythonEnvironment.coco.get().run(script: "check_results.py", [found])
    #expect(checked.exitCode == 0, "\(checked)")
    #expect(checked.output.contains(#/pycocotools: \d+ results of 3 images, 5 categories/#), "\(checked)")
    // A result of an image that is not listed is seen.
    let results = try String(contentsOfFile: "\(found)/results.json", encoding: .utf8)
    try results.replacing("\"image_id\": 1,", with: "\"image_id\": 9,")
      .write(toFile: "\(found)/results.json", atomically: true, encoding: .utf8)
    #expect(try PythonEnvironment.coco.get().run(script: "check_results.py", [found]).exitCode == 1)
  }
}
