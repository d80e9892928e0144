import Detection
import Graph
import Tensors
import TestSupport
import Testing

@testable import Training

/// A RetinaNet with a ResNet-18 trunk against torchvision's, run in float64; `Tests/Goldens/retinanet_torchvision.py`.
@Suite(.serialized) struct TorchvisionGoldenTests {
  static let batchNorms: [Configuration.BatchNormMode] = [.frozen, .trained]

  private func source(_ batchNorm: Configuration.BatchNormMode) throws -> GoldenDetector {
    try GoldenDetector("retinanet-resnet18-\(batchNorm.rawValue)", form: .torchvision, batchNorm: batchNorm)
  }

  @Test(
    "logits, box codes and losses equal torchvision's with any algorithm", arguments: batchNorms,
    [AlgorithmPolicy.direct, .winograd, .timed])
  func outputs(batchNorm: Configuration.BatchNormMode, policy: AlgorithmPolicy) throws {
    let source = try source(batchNorm)
    let planned = try PlannedGolden(source, policy: policy, readsOutputs: true)
    planned.run()
    let logits = Closeness(of: planned.logits, to: try source.golden.floats(named: "cls_logits"))
    #expect(logits.relativeL2 < 1e-4, "logits: \(logits)")
    let codes = Closeness(of: planned.codes, to: try source.golden.floats(named: "bbox_regression"))
    #expect(codes.relativeL2 < 1e-4, "box codes: \(codes)")
    for (name, error) in zip(["class", "box"], try planned.lossErrors()) {
      #expect(error < 1e-4, "\(name) loss is \(error) away")
    }
  }

  @Test("the gradient of every parameter equals torchvision's with direct convolutions", arguments: batchNorms)
  func gradients(batchNorm: Configuration.BatchNormMode) throws {
    let source = try source(batchNorm)
    let planned = try PlannedGolden(source, policy: .direct, readsOutputs: false)
    planned.run(backward: true)
    #expect(Set(planned.trainedNames) == source.golden.names(after: "gradient/"))
    for name in planned.trainedNames {
      let error = try planned.gradientError(of: name)
      #expect(error < 1e-4, "\(name) is \(error) away")
    }
  }

  @Test("gradients are the same where the outputs stay readable")
  func gradientsBesideOutputs() throws {
    let source = try source(.trained)
    let planned = try PlannedGolden(source, policy: .direct, readsOutputs: true)
    planned.run(backward: true)
    for name in planned.trainedNames {
      let error = try planned.gradientError(of: name)
      #expect(error < 1e-4, "\(name) is \(error) away")
    }
  }

  /// Oracle: the same network in floats; what remains is the rounding of activations and weights to 8 bits.
  ///
  /// The whole gradient is compared, and loosely: at 64 x 64 few boxes count, the L1 loss passes on only the sign of each
  /// difference, and rounding turns some of them.
  @Test(
    "bfloat16 gives the losses, outputs and gradients of floats, rounded",
    .enabled(if: Engine.supports(.bf16), "no AVX512_BF16"), arguments: batchNorms,
    [AlgorithmPolicy.direct, .winograd, .timed])
  func bfloat16(batchNorm: Configuration.BatchNormMode, policy: AlgorithmPolicy) throws {
    let source = try source(batchNorm)
    let (floats, halves) = (
      try PlannedGolden(source, policy: .direct, readsOutputs: false),
      try PlannedGolden(source, policy: policy, readsOutputs: false, precision: .bf16)
    )
    floats.run(backward: true)
    halves.run(backward: true)
    #expect(abs(halves.targets.classLoss / floats.targets.classLoss - 1) < 0.01)
    #expect(abs(halves.targets.boxLoss / floats.targets.boxLoss - 1) < 0.01)
    for name in halves.trainedNames {
      let gradient = halves.plan.parameters.read(name, .gradient)
      #expect(gradient.allSatisfy { $0.isFinite }, "\(name)")
    }
    func gradient(_ planned: PlannedGolden) -> [Float] {
      planned.trainedNames.flatMap { planned.plan.parameters.read($0, .gradient) }
    }
    let closeness = Closeness(of: gradient(halves), to: gradient(floats))
    #expect(closeness.relativeL2 < 0.25, "gradients: \(closeness)")
    #expect(closeness.relativeL2 > 1e-4, "bfloat16 that does not round is none: \(closeness)")
    let outputs = try PlannedGolden(source, policy: policy, readsOutputs: true, precision: .bf16)
    outputs.run()
    let logits = Closeness(of: outputs.logits, to: try source.golden.floats(named: "cls_logits"))
    #expect(logits.relativeL2 < 0.01, "logits: \(logits)")
  }

  @Test("running statistics move as torchvision's")
  func runningStatistics() throws {
    let source = try source(.trained)
    let planned = try PlannedGolden(source, policy: .direct, readsOutputs: false)
    planned.run()
    let names = source.golden.names(after: "updated/")
    #expect(names.count == 40)
    for name in names {
      let closeness = Closeness(
        of: planned.plan.parameters.read(name), to: try source.golden.floats(named: "updated/\(name)"))
      #expect(closeness.relativeL2 < 1e-5, "\(name): \(closeness)")
    }
  }

  @Test("anchors and their matches equal torchvision's")
  func anchors() throws {
    let source = try source(.frozen)
    let anchors = source.detector.anchors(height: source.images.h, width: source.images.w)
    // Corners of torchvision's anchors are whole numbers plus whole strides: exact.
    let corners = (0..<anchors.count).flatMap { [anchors[$0].x1, anchors[$0].y1, anchors[$0].x2, anchors[$0].y2] }
    #expect(try corners == source.golden.floats(named: "anchors"))
    let expected = try source.golden.integers(named: "matches").map { Int($0) }
    for image in 0..<source.images.n {
      #expect(
        anchors.flatMatches(to: try source.boxes(of: image))
          == Array(expected[image * anchors.count..<(image + 1) * anchors.count]))
    }
  }
}

extension Anchors {
  /// The box of every anchor as torchvision's matcher gives it: -1 is background, -2 is neither.
  func flatMatches(to boxes: [Box]) -> [Int] {
    let matches = matches(to: boxes)
    var result = [Int](repeating: -1, count: count)
    for positive in matches.positives { result[positive.anchor] = positive.object }
    for ignored in matches.ignored { result[ignored] = -2 }
    return result
  }
}
