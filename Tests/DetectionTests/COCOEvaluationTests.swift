import Foundation
import Tensors
import TestSupport
import Testing

@testable import Detection

@Suite struct COCOEvaluationTests {
  /// COCO files with pycocotools' figures, outside the repository.
  static let sharedFolder: URL? = {
    let environment = ProcessInfo.processInfo.environment["DROPBLOCK_SHARED"]
    let beside = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared").standardized
    let folder = (environment.map { URL(filePath: $0) } ?? beside).appending(path: "data/coco-eval-golden")
    return FileManager.default.fileExists(atPath: folder.appending(path: "expected.json").path()) ? folder : nil
  }()

  @Test("all figures of nasty made-up cases equal pycocotools' to the last bit")
  func ownCases() throws {
    let cases = try COCOCase.own()
    #expect(cases.count == 6)
    for golden in cases {
      let evaluator = COCOEvaluator(
        imageIDs: golden.imageIDs, categoryIDs: golden.categoryIDs, groundTruth: golden.groundTruth)
      let metrics = try evaluator.evaluate(golden.results)
      #expect(golden.differences(from: metrics) == [])
    }
  }

  @Test(
    "all figures of real and synthetic COCO files equal pycocotools' to the last bit",
    .enabled(if: sharedFolder != nil, "COCO files with expected figures are not on this machine"))
  func sharedCases() throws {
    let cases = try COCOCase.shared(#require(Self.sharedFolder))
    #expect(cases.count == 4)
    for golden in cases {
      let evaluator = COCOEvaluator(
        imageIDs: golden.imageIDs, categoryIDs: golden.categoryIDs, groundTruth: golden.groundTruth)
      let metrics = try evaluator.evaluate(golden.results)
      #expect(golden.differences(from: metrics) == [])
    }
  }

  @Test("results that are the ground truth score 1, no results score 0, and absent area ranges -1")
  func extremes() throws {
    let objects = (1...5).map { index in
      COCOGroundTruth(
        id: index, imageID: index % 2, categoryID: 3, box: SIMD4(Double(40 * index), 7, 20, 20), area: 400,
        isCrowd: false)
    }
    let evaluator = COCOEvaluator(imageIDs: [0, 1], categoryIDs: [3, 4], groundTruth: objects)
    let perfect = try evaluator.evaluate(
      objects.map { COCOResult(imageID: $0.imageID, categoryID: 3, box: $0.box, score: 0.5) })
    // Precision is found / (found + wrong + 2^-52), so a perfect score lies a few units below 1.
    #expect(abs(perfect.stats.averagePrecision - 1) < 1e-12)
    #expect(perfect.stats.averageRecall100 == 1)
    #expect(perfect.stats.averageRecall1 == 2.0 / 5)
    #expect(perfect.stats.averagePrecisionLarge == -1)
    #expect(perfect.perClassAveragePrecision[4] == -1)
    let nothing = try evaluator.evaluate([])
    #expect(nothing.stats.averagePrecision == 0)
    #expect(nothing.stats.averageRecall100 == 0)
    #expect(nothing.stats.averagePrecisionMedium == -1)
  }

  @Test("the figures do not depend on the number of threads")
  func threads() throws {
    let golden = try #require(COCOCase.own().first)
    let evaluator = COCOEvaluator(
      imageIDs: golden.imageIDs, categoryIDs: golden.categoryIDs, groundTruth: golden.groundTruth)
    let threads = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threads) }
    ThreadPool.setThreadCount(1)
    let one = try evaluator.evaluate(golden.results)
    ThreadPool.setThreadCount(3)
    #expect(try evaluator.evaluate(golden.results) == one)
  }

  @Test("a result of an unknown image is bad data that names the result and the image")
  func unknownImage() {
    let evaluator = COCOEvaluator(imageIDs: [1], categoryIDs: [1], groundTruth: [])
    let error = thrown(InputError.self) {
      _ = try evaluator.evaluate([COCOResult(imageID: 77, categoryID: 1, box: SIMD4(0, 0, 1, 1), score: 1)])
    }
    #expect(error?.exitCode == .badData)
    #expect(error?.description.contains("such as result 0 of image id 77") == true)
  }

  @Test("objects of images and results of categories that the file does not list change nothing")
  func strangers() throws {
    let golden = try #require(COCOCase.own().first)
    let box = SIMD4<Double>(0, 0, 50, 50)
    let evaluator = COCOEvaluator(
      imageIDs: golden.imageIDs, categoryIDs: golden.categoryIDs,
      groundTruth: golden.groundTruth
        + [COCOGroundTruth(id: 9999, imageID: 99_999, categoryID: 2, box: box, area: 2500, isCrowd: false)])
    let image = try #require(golden.imageIDs.first)
    let metrics = try evaluator.evaluate(
      [COCOResult(imageID: image, categoryID: 12_345, box: box, score: 1)] + golden.results)
    #expect(golden.differences(from: metrics) == [])
  }

  @Test("the mean is numpy's pairwise one: exact values come out exact, nothing gives -1")
  func mean() {
    #expect(numpyMean([]) == -1)
    #expect(numpyMean([0.25]) == 0.25)
    #expect(numpyMean((0..<1000).map(Double.init)) == 499.5)
    // Float64 of numpy 2: np.mean(np.arange(1000) * 0.1 + 1 / 3), np.mean(np.arange(137) / 7).
    #expect(numpyMean((0..<1000).map { Double($0) * 0.1 + 1.0 / 3 }) == 50.28333333333334)
    #expect(numpyMean((0..<137).map { Double($0) / 7 }) == 9.714285714285714)
  }

  @Test("the mean of a category's precisions at half an overlap, over the categories, is AP50")
  func precisionAtRecalls() throws {
    for golden in try COCOCase.own() {
      let metrics = try COCOEvaluator(
        imageIDs: golden.imageIDs, categoryIDs: golden.categoryIDs, groundTruth: golden.groundTruth
      ).evaluate(golden.results)
      let curves = Array(metrics.precisionAtRecalls.values)
      #expect(curves.allSatisfy { $0.count == 101 && zip($0, $0.dropFirst()).allSatisfy { $0 >= $1 } })
      #expect(curves.isEmpty == (metrics.stats.averagePrecision50 < 0))
      if curves.isEmpty { continue }
      let mean = curves.reduce(0) { $0 + $1.reduce(0, +) / 101 } / Double(curves.count)
      #expect(abs(mean - metrics.stats.averagePrecision50) < 1e-12)
    }
  }

  @Test("the figures are written under the names of `score --json`")
  func encoding() throws {
    let golden = try #require(COCOCase.own().first)
    let metrics = try COCOEvaluator(
      imageIDs: golden.imageIDs, categoryIDs: golden.categoryIDs, groundTruth: golden.groundTruth
    ).evaluate(golden.results)
    let data = try JSONEncoder().encode(metrics)
    let object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: [String: Double]])
    #expect(object["stats"]?.keys.sorted() == metrics.stats.named.map(\.name).sorted())
    #expect(object["stats"]?["APs"] == metrics.stats.averagePrecisionSmall)
    #expect(object["per_class_AP"]?["40"] == metrics.perClassAveragePrecision[40])
    let decoded = try JSONDecoder().decode(COCOMetrics.self, from: data)
    #expect(decoded.stats == metrics.stats && decoded.perClassAveragePrecision == metrics.perClassAveragePrecision)
  }
}
