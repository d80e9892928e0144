import Checkpoints
import Detection
import Graph
import Tensors
import TestSupport
import Testing

@testable import Datasets
@testable import Training

/// What torchvision predicts from 8-bit pictures, from resizing to suppression; `Tests/Goldens/predict.py`.
@Suite(.serialized) struct PredictGoldenTests {
  /// A wide picture, a high one, and the wide one with so few candidates that the limits bite.
  static let cases = ["landscape", "portrait", "truncated"]

  private let source: GoldenDetector

  init() throws {
    source = try GoldenDetector("predict", form: .torchvision, batchNorm: .frozen)
  }

  private var golden: SafetensorsFile { source.golden }

  @Test("boxes are within 0.05 pixels, scores within 1e-3, classes and counts equal", arguments: cases)
  func detections(name: String) throws {
    var settings = PostProcessing(form: .torchvision)
    settings.scoreThreshold = Float(golden.metadata["\(name).score_thresh"] ?? "")
    settings.candidateLimit = golden.number("\(name).topk_candidates")
    settings.detectionLimit = golden.number("\(name).detections_per_img")
    settings.overlapThreshold = try #require(Float(golden.metadata["nms_thresh"] ?? ""))
    #expect(settings.scoreThreshold != nil)
    let engine = Engine()
    let (graph, _) = source.detector.inferenceGraph(height: 64, width: 64)
    let weights = Plan(graph, engine: engine, mode: .inference, policy: .direct).parameters
    try source.fill(weights)
    let predictor = Predictor(source.detector, engine: engine, store: weights, settings: settings)

    let found = try predictor.detections(in: try picture(of: name))
    let boxes = try golden.floats(named: "\(name)/boxes")
    let scores = try golden.floats(named: "\(name)/scores")
    #expect(try found.map { Int64($0.classIndex) } == golden.integers(named: "\(name)/labels"))
    try #require(found.count == scores.count)
    for (index, detection) in found.enumerated() {
      let box = boxes[(4 * index)..<(4 * index + 4)]
      let found = [detection.box.x1, detection.box.y1, detection.box.x2, detection.box.y2]
      let distance = zip(found, box).map { abs($0 - $1) }.max() ?? 0
      #expect(distance < 0.05, "box \(index) is \(distance) pixels away")
      #expect(abs(detection.score - scores[index]) < 1e-3, "score \(index): \(detection.score), not \(scores[index])")
    }
  }

  @Test("the network's input is resized, normalised and padded as torchvision's", arguments: ["landscape", "portrait"])
  func input(name: String) throws {
    let picture = try picture(of: name)
    let transform = source.detector.evaluationTransform
    let placement = try transform.evaluationPlacement(width: picture.width, height: picture.height)
    #expect(
      try [placement.resizedHeight, placement.resizedWidth].map(Int64.init) == golden.integers(named: "\(name)/size"))
    var input = [Float](repeating: .nan, count: 3 * placement.canvasHeight * placement.canvasWidth)
    var scratch = RenderScratch()
    input.withUnsafeMutableBufferPointer { transform.render(picture, placement, into: $0, scratch: &scratch) }
    let sample = GoldenSample.indices(count: input.count, limit: golden.number("sample")).map { input[$0] }
    let closeness = Closeness(of: sample, to: try golden.floats(named: "\(name)/input"))
    // torchvision normalises before it resizes: a few roundings of values up to 2.6 apart.
    #expect(closeness.maximumDifference < 5e-6, "\(closeness)")
  }

  private func picture(of name: String) throws -> RGBImage {
    try source.picture(named: "picture.\(golden.number("\(name).picture"))")
  }
}
