import Checkpoints
import Graph
import Regularization
import Tensors
import TestSupport
import Testing

@testable import Training

/// torchvision's ResNet-50 with DropBlock acting at inference, run in float64; `Tests/Goldens/inference_dropblock.py`, which
/// draws the masks itself.
@Suite(.serialized) struct InferenceDropBlockGoldenTests {
  private let golden: SafetensorsFile
  private let classifier: Classifier
  private let dropBlock: InferenceDropBlock

  init() throws {
    golden = try TestSupport.golden(named: "inference-dropblock")
    var configuration = Configuration(form: .torchvision)
    configuration.model.name = .resNet
    configuration.model.classes = golden.number("num_classes")
    configuration.input.size = Configuration.ImageSize(height: 64, width: 64)
    classifier = try #require(configuration.task as? Classifier)
    let keepProbability = golden.metadata["keep_prob", default: ""]
    let (block, seed) = (golden.number("block_size"), golden.number("mask_seed"))
    dropBlock = try DropBlockOption("keep_prob=\(keepProbability),block_size=\(block),seed=\(seed)")
      .resolved(for: configuration, option: "--dropblock")
  }

  /// The images and parameters of the file, planned as an evaluation plans them.
  private func planned(_ dropBlock: InferenceDropBlock, policy: AlgorithmPolicy) -> (plan: Plan, logits: Value) {
    let (graph, logits) = classifier.inferenceGraph(images: 2, masking: dropBlock.selection)
    let plan = Plan(graph, engine: Engine(), mode: .inference, policy: policy)
    let rule = GoldenInitialization(seed: UInt32(golden.number("seed")))
    for parameter in plan.parameters.parameters {
      plan.parameters.write(parameter.name, .value, rule.parameter(parameter.name, shape: parameter.extents))
    }
    let images = GoldenInitialization(seed: UInt32(golden.number("image_seed")))
    _ = plan.inputImages.update(fromContentsOf: images.image(shape: [2, 3, 64, 64]))
    plan.forward(dropBlock.context(firstImage: golden.number("first_image")))
    return (plan, logits)
  }

  @Test("every mask equals, bit for bit, the one that the script draws for the image, the layer and the seed")
  func masks() throws {
    let plan = planned(dropBlock, policy: .direct).plan
    #expect(plan.maskSites.count == 36)
    #expect(Set(plan.maskSites.map(\.name)) == golden.names(after: "mask/"))
    var drawn: [[UInt8]] = []
    plan.withMaskBits { bits in
      let layout = MaskLayout(shape: plan.maskSites[drawn.count].shape, channelBlock: plan.channelBlock)
      drawn.append(layout.unpack(bits.bindMemory(to: UInt16.self)))
    }
    for (site, elements) in zip(plan.maskSites, drawn) {
      let bytes = try golden.integers(named: "mask/\(site.name)")
      let expected = elements.indices.map { UInt8(bytes[$0 / 8] >> Int64($0 % 8) & 1) }
      #expect(elements == expected, "\(site.name)")
      #expect(elements.contains(0) && elements.contains(1))
    }
  }

  @Test(
    "logits equal PyTorch's with these masks, and without masks", arguments: [true, false],
    [AlgorithmPolicy.direct, .estimated])
  func logits(isMasked: Bool, policy: AlgorithmPolicy) throws {
    let (plan, logits) = planned(isMasked ? dropBlock : .off, policy: policy)
    let closeness = Closeness(
      of: plan.canonicalOutput(logits), to: try golden.floats(named: isMasked ? "logits" : "plain"))
    #expect(closeness.relativeL2 < 1e-4, "\(closeness)")
  }
}
