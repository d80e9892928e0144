import Graph
import TestSupport
import Testing

@testable import Training

/// torchvision's `retinanet_resnet50_fpn` with 91 classes at 128 x 128; `Tests/Goldens/retinanet_resnet50.py`.
@Suite(.serialized) struct ResNet50GoldenTests {
  private func source() throws -> GoldenDetector {
    try GoldenDetector("retinanet-resnet50", form: .torchvision, batchNorm: .frozen)
  }

  @Test(
    "logits, box codes and losses equal torchvision's with any algorithm",
    arguments: [AlgorithmPolicy.direct, .winograd, .timed])
  func outputs(policy: AlgorithmPolicy) throws {
    let source = try source()
    let planned = try PlannedGolden(source, policy: policy, readsOutputs: true)
    planned.run()
    for (name, values) in [("cls_logits", planned.logits), ("bbox_regression", planned.codes)] {
      let indices = GoldenSample.indices(count: values.count, limit: source.golden.number("logit_sample"))
      let closeness = Closeness(of: indices.map { values[$0] }, to: try source.golden.floats(named: name))
      #expect(closeness.relativeL2 < 1e-4, "\(name): \(closeness)")
      let norm = values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      let trueNorm = Double(try source.golden.floats(named: "\(name)/norm")[0])
      #expect(abs(norm / trueNorm - 1) < 1e-4, "the norm of \(name) is \(norm), not \(trueNorm)")
    }
    for (name, error) in zip(["class", "box"], try planned.lossErrors()) {
      #expect(error < 1e-4, "\(name) loss is \(error) away")
    }
  }

  @Test("with direct convolutions no gradient is further from the true one than three times PyTorch's")
  func gradients() throws {
    let source = try source()
    let planned = try PlannedGolden(source, policy: .direct, readsOutputs: false)
    planned.run(backward: true)
    #expect(Set(planned.trainedNames) == source.golden.names(after: "gradient/"))
    for name in planned.trainedNames {
      let error = try planned.gradientError(of: name)
      let limit = 3 * Double(try source.golden.floats(named: "error/\(name)")[0])
      #expect(error < limit, "\(name) is \(error) away, PyTorch \(limit / 3)")
    }
  }

  @Test("with Winograd's convolutions every gradient is within 3e-2")
  func gradientsWithWinograd() throws {
    let planned = try PlannedGolden(source(), policy: .winograd, readsOutputs: false)
    #expect(planned.plan.choices.choices.values.contains(.winograd))
    planned.run(backward: true)
    for name in planned.trainedNames {
      let error = try planned.gradientError(of: name)
      #expect(error < 3e-2, "\(name) is \(error) away")
    }
  }

  @Test("names, shapes and matches are torchvision's; it has 34,014,999 parameters")
  func listing() throws {
    let source = try source()
    let graph = source.detector.trainingGraph(imagesPerRank: 1)
    func listed(_ key: String) -> Set<String> {
      Set(source.golden.metadata[key, default: ""].split(separator: ";").map(String.init))
    }
    let entries = graph.parameters.map { parameter in
      (parameter, "\(parameter.name):" + parameter.extents.map(String.init).joined(separator: "x"))
    }
    let learned = entries.filter { $0.0.role != .frozen }
    #expect(Set(learned.map(\.1)) == listed("parameters"))
    #expect(Set(entries.filter { $0.0.role == .frozen }.map(\.1)) == listed("buffers"))
    #expect(learned.reduce(0) { $0 + $1.0.shape.count } == 34_014_999)

    let anchors = source.detector.anchors(height: source.images.h, width: source.images.w)
    let matches = try (0..<source.images.n).flatMap { anchors.flatMatches(to: try source.boxes(of: $0)) }
    #expect(try matches == source.golden.integers(named: "matches").map { Int($0) })
  }
}
