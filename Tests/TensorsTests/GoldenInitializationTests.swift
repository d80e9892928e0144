import TestSupport
import Testing

/// The known answers of the rule in `Tests/Goldens/README.md`, computed by `Tests/Goldens/golden.py`.
@Suite struct GoldenInitializationTests {
  @Test("the golden rule gives the generator's bits", arguments: KnownAnswer.all)
  func knownAnswers(_ answer: KnownAnswer) {
    let values = GoldenInitialization(seed: 1).parameter(answer.name, shape: answer.shape)
    #expect(values.count == answer.shape.reduce(1, *))
    #expect([values[0], values[1], values[5]] == answer.values)
  }

  @Test("a name's hash is FNV-1a, and its uniform values are exact multiples of 2^-23")
  func uniformValues() {
    #expect(GoldenInitialization.hash("image") == 0xb351_35fa)
    #expect(
      GoldenInitialization(seed: 7).uniform("image", count: 5)
        == [-0x1.87efd8p-2, -0x1.447c90p-1, -0x1.48b1a0p-3, 0x1.60d468p-2, -0x1.171cdcp-1])
  }

  @Test("samples take everything while it fits and step by a prime beyond")
  func samples() {
    #expect(GoldenSample.indices(count: 3, limit: 4) == [0, 1, 2])
    #expect(GoldenSample.indices(count: 9408, limit: 4) == [0, 1241, 2482, 3723])
  }
}

/// Elements 0, 1 and 5 of a tensor under seed 1.
struct KnownAnswer: Sendable, CustomTestStringConvertible {
  let name: String
  let shape: [Int]
  let values: [Float]
  var testDescription: String { name }

  static let all = [
    KnownAnswer(
      name: "backbone.body.conv1.weight", shape: [64, 3, 7, 7],
      values: [-0x1.395d16p-3, -0x1.6657aap-4, -0x1.0514cep-3]),
    KnownAnswer(
      name: "backbone.body.bn1.weight", shape: [64], values: [0x1.d44ee0p-1, 0x1.0b3c2cp+0, 0x1.f72a10p-1]),
    KnownAnswer(
      name: "backbone.body.layer1.0.bn1.running_var", shape: [64],
      values: [0x1.572e32p+0, 0x1.0c6554p+0, 0x1.2bb7a6p+0]),
    KnownAnswer(
      name: "head.classification_head.cls_logits.bias", shape: [45],
      values: [-0x1.f4b386p+0, -0x1.fe8e5cp+0, -0x1.07974ep+1]),
    KnownAnswer(
      name: "head.regression_head.bbox_reg.weight", shape: [36, 256, 3, 3],
      values: [-0x1.d93f78p-9, -0x1.958a9ep-8, 0x1.5838f8p-12]),
    KnownAnswer(
      name: "backbone.body.layer1.0.bn3.weight", shape: [256],
      values: [0x1.d5ee74p-3, 0x1.48d7f6p-2, 0x1.fa8446p-3]),
    KnownAnswer(
      name: "backbone.fpn.inner_blocks.0.0.weight", shape: [256, 128, 1, 1],
      values: [-0x1.f7c5c2p-5, -0x1.82d4bep-7, 0x1.7b6b14p-4]),
  ]
}
