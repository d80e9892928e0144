import Distributed
import Graph
import Tensors
import TestSupport
import Testing

@testable import Training

/// Ten steps of gradient descent on one batch against PyTorch's SGD in float64.
///
/// It is the training step itself that runs, for one rank.
@Suite(.serialized) struct DescentGoldenTests {
  @Test(
    "ten steps lose as PyTorch's with direct convolutions, under weak and under strong weight decay",
    arguments: TorchvisionGoldenTests.batchNorms, ["steps", "steps_decayed"])
  func steps(batchNorm: Configuration.BatchNormMode, curve: String) throws {
    try check(batchNorm, curve, .direct)
  }

  @Test("ten steps lose as PyTorch's with Winograd's convolutions")
  func stepsWithWinograd() throws {
    try check(.trained, "steps", .winograd)
  }

  /// bfloat16 keeps 8 bits: the losses of the steps stay within 2 %, and each step does lower the loss as it should.
  @Test(
    "ten steps in bfloat16 lose as PyTorch's in float64 to 2 %", .enabled(if: Engine.supports(.bf16), "no AVX512_BF16"),
    arguments: TorchvisionGoldenTests.batchNorms, [AlgorithmPolicy.direct, .winograd])
  func stepsInBFloat16(batchNorm: Configuration.BatchNormMode, policy: AlgorithmPolicy) throws {
    try check(batchNorm, "steps", policy, .bf16, within: 0.02)
  }

  private func check(
    _ batchNorm: Configuration.BatchNormMode, _ curve: String, _ policy: AlgorithmPolicy,
    _ precision: Precision = .f32, within tolerance: Double = 1e-4
  ) throws {
    let losses = try losses(batchNorm, decayOf: curve, policy, precision)
    let expected = try golden(named: "retinanet-resnet18-\(batchNorm.rawValue)").floats(named: curve)
    #expect(losses.count == expected.count)
    for (index, (loss, truth)) in zip(losses, expected).enumerated() {
      let error = abs(loss / Double(truth) - 1)
      #expect(error < tolerance, "step \(index / 2), loss \(index % 2): \(loss), not \(truth)")
    }
  }

  /// Class and box loss before each of ten steps.
  private func losses(
    _ batchNorm: Configuration.BatchNormMode, decayOf curve: String, _ policy: AlgorithmPolicy, _ precision: Precision
  ) throws -> [Double] {
    var source = try GoldenDetector(
      "retinanet-resnet18-\(batchNorm.rawValue)", form: .torchvision, batchNorm: batchNorm)
    source.setWeightDecay(try #require(Double(source.golden.metadata["\(curve).weight_decay", default: ""])))
    let rate = try #require(Double(source.golden.metadata["learning_rate", default: ""]))
    let planned = try PlannedGolden(source, policy: policy, readsOutputs: false, precision: precision)
    let alone = try MPIEnvironment.start(environment: [:])
    let replica = Replica(
      source.detector, plan: planned.plan, communicator: alone.world,
      batch: try source.detector.configuration.batchPlan(ranks: 1), totalSteps: 10)
    let images = Array(planned.plan.inputImages)
    return try images.withUnsafeBufferPointer { images in
      try (0..<10).flatMap { step in
        let result = try replica.step(step, learningRate: rate) {
          Replica.MicroBatch(images: images, targets: planned.anchorTargets)
        }
        return [result.classLoss, result.boxLoss]
      }
    }
  }
}
