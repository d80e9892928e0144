import Graph
import TestSupport
import Testing

@testable import Training

/// The paper's RetinaNet with a ResNet-18 trunk against plain PyTorch in float64; `Tests/Goldens/paper_form.py`.
@Suite(.serialized) struct PaperGoldenTests {
  private func planned(_ policy: AlgorithmPolicy, readsOutputs: Bool, mode: Planner.Mode = .training) throws
    -> PlannedGolden
  {
    let source = try GoldenDetector("paper-retinanet", form: .paper, batchNorm: .trained)
    return try PlannedGolden(
      source, policy: policy, readsOutputs: readsOutputs, mode: mode, classesNamed: "channels", period: 4)
  }

  @Test(
    "logits, box codes and losses are those of the paper with any algorithm",
    arguments: [AlgorithmPolicy.direct, .winograd, .timed])
  func outputs(policy: AlgorithmPolicy) throws {
    let planned = try planned(policy, readsOutputs: true)
    let golden = planned.source.golden
    planned.run()
    let logits = Closeness(of: planned.logits, to: try golden.floats(named: "cls_logits"))
    #expect(logits.relativeL2 < 1e-4, "logits: \(logits)")
    let codes = Closeness(of: planned.codes, to: try golden.floats(named: "bbox_regression"))
    #expect(codes.relativeL2 < 1e-4, "box codes: \(codes)")
    for (name, error) in zip(["class", "box"], try planned.lossErrors()) {
      #expect(error < 1e-4, "\(name) loss is \(error) away")
    }
  }

  @Test("with direct convolutions every gradient is within 1e-4, or within three times PyTorch's own error")
  func gradients() throws {
    let planned = try planned(.direct, readsOutputs: false)
    let golden = planned.source.golden
    planned.run(backward: true)
    #expect(Set(planned.trainedNames) == golden.names(after: "gradient/"))
    for name in planned.trainedNames {
      let error = try planned.gradientError(of: name)
      // P6 and P7 normalise 8 values a channel, which magnifies rounding.
      let limit = max(1e-4, 3 * Double(try golden.floats(named: "error/\(name)")[0]))
      #expect(error < limit, "\(name) is \(error) away, PyTorch \(limit / 3)")
    }
  }

  @Test("running statistics move as TensorFlow's with a decay of 0.997")
  func runningStatistics() throws {
    let planned = try planned(.direct, readsOutputs: false)
    let golden = planned.source.golden
    planned.run()
    let names = golden.names(after: "updated/")
    #expect(names.count == 2 * (20 + 5 + 2 * 5 * 4))
    for name in names {
      let closeness = Closeness(of: planned.plan.parameters.read(name), to: try golden.floats(named: "updated/\(name)"))
      #expect(closeness.relativeL2 < 1e-5, "\(name): \(closeness)")
    }
  }

  @Test("evaluation uses running statistics")
  func evaluation() throws {
    let planned = try planned(.direct, readsOutputs: true, mode: .inference)
    let golden = planned.source.golden
    planned.run()
    for (name, values) in [("cls_logits", planned.logits), ("bbox_regression", planned.codes)] {
      let sample = GoldenSample.indices(count: values.count, limit: 4096).map { values[$0] }
      let closeness = Closeness(of: sample, to: try golden.floats(named: "evaluated/\(name)"))
      #expect(closeness.relativeL2 < 1e-4, "\(name): \(closeness)")
    }
  }

  @Test("anchors and targets equal those worked out in float64")
  func targets() throws {
    let planned = try planned(.direct, readsOutputs: false)
    let golden = planned.source.golden
    let anchors = planned.source.detector.anchors(height: 64, width: 64)
    let corners = (0..<anchors.count).flatMap { [anchors[$0].y1, anchors[$0].x1, anchors[$0].y2, anchors[$0].x2] }
    // Rounded once from Double on both sides.
    #expect(try corners == golden.floats(named: "anchors"))
    let classes = try golden.integers(named: "targets.classes")
    let codes = try golden.floats(named: "targets.boxes")
    for (image, targets) in planned.anchorTargets.enumerated() {
      var found = [Int64](repeating: -1, count: anchors.count)
      var foundCodes = [Float](repeating: 0, count: anchors.count * 4)
      for positive in targets.positives {
        let level = anchors.levels[positive.location.level]
        let anchor = level.firstAnchor + positive.location.pixel * 9 + positive.location.anchor
        found[anchor] = Int64(positive.classIndex)
        for axis in 0..<4 { foundCodes[anchor * 4 + axis] = positive.box[axis] }
      }
      #expect(targets.ignored.isEmpty)
      #expect(found == Array(classes[image * anchors.count..<(image + 1) * anchors.count]), "image \(image)")
      let closeness = Closeness(
        of: foundCodes, to: Array(codes[image * anchors.count * 4..<(image + 1) * anchors.count * 4]))
      // A shift is a difference of centres of up to 100 pixels: a few ulp of 100 in units of an anchor of 32.
      #expect(closeness.maximumDifference < 2e-6, "image \(image): \(closeness)")
    }
  }
}
