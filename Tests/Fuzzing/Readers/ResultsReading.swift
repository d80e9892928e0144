import Datasets
import Detection
import Tensors

private let file = InputFile()
/// Two images of two categories, with a crowd.
private let evaluator = COCOEvaluator(
  imageIDs: [1, 2], categoryIDs: [1, 3],
  groundTruth: [
    COCOGroundTruth(id: 1, imageID: 1, categoryID: 3, box: SIMD4(1.5, 20, 0.25, 4), area: 1, isCrowd: false),
    COCOGroundTruth(id: 2, imageID: 1, categoryID: 3, box: SIMD4(0, 0, 100, 100), area: 1e4, isCrowd: true),
    COCOGroundTruth(id: 3, imageID: 2, categoryID: 1, box: SIMD4(0, 0, 50, 50), area: 2500, isCrowd: false),
  ])

/// Reads the input as a results file and scores it; what was read must be finite.
func readResults(_ bytes: UnsafeRawBufferPointer) {
  file.replace(bytes)
  expectingUserErrors([.badData]) {
    let results = try COCOResults.read(file.path)
    // An entry takes at least the bytes of its four keys.
    require(results.count <= bytes.count / 40 + 1, "\(results.count) results in \(bytes.count) bytes")
    for result in results {
      let numbers = [result.x, result.y, result.width, result.height, result.score]
      require(numbers.allSatisfy(\.isFinite), "a number that is not finite: \(numbers)")
    }
    let figures = try evaluator.evaluate(results).stats.named
    require(figures.allSatisfy { $0.value == -1 || (0...1).contains($0.value) }, "figures out of range: \(figures)")
  }
}
