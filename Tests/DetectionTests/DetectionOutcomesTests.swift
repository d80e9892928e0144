import Detection
import Testing

/// Oracle: outcomes told by hand.
@Suite("Outcomes of an image") struct DetectionOutcomesTests {
  private func object(_ category: Int, _ x: Double, isCrowd: Bool = false) -> COCOGroundTruth {
    COCOGroundTruth(id: 1, imageID: 1, categoryID: category, box: SIMD4(x, 0, 10, 10), area: 100, isCrowd: isCrowd)
  }

  private func result(_ category: Int, _ x: Double, _ score: Double) -> COCOResult {
    COCOResult(imageID: 1, categoryID: category, box: SIMD4(x, 0, 10, 10), score: score)
  }

  @Test("a found, a mistaken, a missed and an invented object")
  func kinds() {
    let outcomes = DetectionOutcomes(
      objects: [object(1, 0), object(2, 100), object(3, 200)],
      results: [result(1, 1, 0.9), result(1, 101, 0.8), result(2, 300, 0.7)])
    #expect(Set(outcomes.pairs.map { "\($0.truth ?? 0)-\($0.found ?? 0)" }) == ["1-1", "2-1", "0-2", "3-0"])
    #expect(outcomes.hits == 1 && outcomes.misses == 2 && outcomes.falseAlarms == 2)
    #expect(outcomes.balancedScore == 2.0 / 6)
  }

  @Test("the surest detection takes an object, the second one of it is false; doubtful ones do not count")
  func order() {
    let twice = DetectionOutcomes(objects: [object(1, 0)], results: [result(2, 0, 0.5), result(1, 2, 0.6)])
    #expect(twice.hits == 1 && twice.falseAlarms == 1)
    let doubtful = DetectionOutcomes(
      objects: [object(1, 0)], results: [result(1, 0, DetectionOutcomes.leastScore - 0.001)])
    #expect(doubtful.hits == 0 && doubtful.misses == 1 && doubtful.falseAlarms == 0)
  }

  @Test("overlaps below a half are none: two squares of ten that share five columns overlap by a third")
  func overlap() {
    #expect(DetectionOutcomes(objects: [object(1, 0)], results: [result(1, 5, 1)]).hits == 0)
    #expect(DetectionOutcomes(objects: [object(1, 0)], results: [result(1, 3, 1)]).hits == 1)
  }

  @Test("crowds are neither missed nor do they make detections in them false; nothing at all is perfect")
  func crowds() {
    let crowd = DetectionOutcomes(objects: [object(1, 0, isCrowd: true)], results: [result(1, 1, 1)])
    #expect(crowd.pairs.isEmpty && crowd.balancedScore == 1)
    #expect(DetectionOutcomes(objects: [], results: []).balancedScore == 1)
  }
}
