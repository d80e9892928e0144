import Graph
import Models
import Regularization
import Tensors
import TestSupport
import Testing

/// Inference with batch-norm in the convolutions, against the same plan without folding.
@Suite(.serialized) struct BatchNormFoldingTests {
  /// A network that is planned twice over one set of parameters.
  enum Network: CaseIterable {
    case resNet18
    case torchvisionDetector
    case paperDetector

    /// Describes the network; returns its outputs.
    func describe(_ graph: Graph) -> [Value] {
      let form: ModelForm = self == .paperDetector ? .paper : .torchvision
      let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-3)
      let trunk = ResNet(
        depth: self == .resNet18 ? .resNet18 : .resNet50, form: form, batchNorm: norm)
      let images = graph.input(Shape(1, 3, 96, 64))
      switch self {
      case .resNet18: return Array(trunk(graph, images, prefix: "").dropFirst())
      case .torchvisionDetector, .paperDetector:
        let detector = RetinaNet(
          trunk: trunk, pyramid: FeaturePyramid(form: form, batchNorm: norm), classes: 3,
          loss: RetinaNetLoss(alpha: 0.25, gamma: 2, box: .absolute))
        return detector(graph, images).flatMap { [$0.logits, $0.boxes] }
      }
    }

    /// Batch-norms that no convolution can take: in the paper's pyramid P6 reads P5 itself, and P7 reads P6.
    var unfolded: Int { self == .paperDetector ? 2 : 0 }

    /// Batch-norms of groups 3 and 4, and of projections there: every one of them can have a mask, or joins what has one.
    var inLastGroups: Int { self == .resNet18 ? 2 * (3 + 2) : (4 + 5 * 3) + (4 + 2 * 3) }
  }

  /// A folded and an unfolded plan.
  private struct Pair {
    let outputs: [Value]
    let folded: Plan
    let unfolded: Plan

    init(
      masking selection: MaskSelection = .none, precision: Precision = .f32, policy: AlgorithmPolicy = .direct,
      _ describe: (Graph) -> [Value]
    ) {
      let (graph, engine) = (Graph(masking: selection), Engine())
      outputs = describe(graph)
      for output in outputs { graph.markOutput(output) }
      unfolded = Plan(
        graph, engine: engine, mode: .inference, precision: precision, policy: policy, foldsBatchNorm: false)
      folded = Plan(
        graph, engine: engine, mode: .inference, precision: precision, policy: policy, sharing: unfolded.parameters)
      fill(seed: 5)
      let image = GoldenInitialization(seed: 6).image(shape: [1, 3, 96, 64])
      for plan in [folded, unfolded] { _ = plan.inputImages.update(fromContentsOf: image) }
    }

    func fill(seed: UInt32) {
      let rule = GoldenInitialization(seed: seed)
      for parameter in unfolded.parameters.parameters {
        unfolded.parameters.write(parameter.name, .value, rule.parameter(parameter.name, shape: parameter.extents))
      }
      for plan in [folded, unfolded] { plan.parametersChanged() }
    }

    /// The largest relative difference of an output after a run of both.
    func difference(_ context: RunContext = RunContext()) -> Double {
      for plan in [folded, unfolded] { plan.forward(context) }
      return outputs.map {
        Closeness(of: folded.canonicalOutput($0), to: unfolded.canonicalOutput($0)).relativeL2
      }.max() ?? .nan
    }
  }

  private static func batchNorms(_ plan: Plan) -> Int {
    plan.operations.filter { $0.pass == "forward" && ["batch-norm", "batch-norm and sum"].contains($0.kind) }.count
  }

  @Test(
    "outputs are within 1e-5 of the plan without folding, also after parameters changed", arguments: Network.allCases,
    [AlgorithmPolicy.direct, .winograd])
  func outputs(network: Network, policy: AlgorithmPolicy) {
    let pair = Pair(policy: policy, network.describe)
    #expect(Self.batchNorms(pair.folded) == network.unfolded)
    #expect(Self.batchNorms(pair.unfolded) > network.unfolded)
    let first = pair.difference()
    #expect(first < 1e-5, "\(network): \(first)")
    // A second run must not add to what the first one left, and new parameters must reach the folded weights.
    #expect(pair.difference() == first)
    pair.fill(seed: 7)
    let second = pair.difference()
    #expect(second < 1e-5 && second != first, "\(network): \(second)")
  }

  @Test(
    "bfloat16 outputs are as near as its rounding allows", .enabled(if: Engine.supports(.bf16)),
    arguments: [Network.torchvisionDetector, .paperDetector], [AlgorithmPolicy.direct, .winograd])
  func bfloat16(network: Network, policy: AlgorithmPolicy) {
    let difference = Pair(precision: .bf16, policy: policy, network.describe).difference()
    #expect(difference < 0.03, "\(network): \(difference)")
  }

  @Test(
    "a batch-norm with a mask stays alone, the others do not; masks act in both plans alike",
    arguments: Network.allCases)
  func masks(network: Network) {
    let pair = Pair(masking: MaskSelection(groups: [3, 4]), network.describe)
    #expect(Self.batchNorms(pair.folded) == network.inLastGroups + network.unfolded)
    let plain = pair.difference()
    #expect(plain < 1e-5, "\(network): \(plain)")
    let before = pair.outputs.map { pair.folded.canonicalOutput($0) }
    let context = RunContext(
      maskStream: .perSample(seed: 5, firstPosition: 0),
      regularization: RegularizationStep(
        .dropBlock(DropBlock(blockSize: 2)), keepProbabilities: KeepProbabilities(0.8), normalizerIsGlobal: false))
    let masked = pair.difference(context)
    #expect(masked < 1e-5, "\(network): \(masked)")
    #expect(pair.folded.keptFractions.allSatisfy { $0 < 1 })
    // The first output of the trunk comes before all masks; every other one has changed.
    let after = pair.outputs.map { pair.folded.canonicalOutput($0) }
    let isSame = zip(before, after).map { $0 == $1 }
    #expect(isSame == pair.outputs.indices.map { network == .resNet18 && $0 == 0 })
  }

  @Test("a batch-norm stays alone where its convolution or its shortcut has other readers")
  func readers() {
    let norm = BatchNorm(isTrained: false, statistics: .local, retention: 0.9, epsilon: 1e-5)
    func convolution(_ graph: Graph, _ name: String, _ value: Value) -> Value {
      graph.convolution(
        name, value, channels: 16, .square(3, padding: 1), initializer: .heFanOut, bias: .constant(0))
    }
    func joined(readsLater: Bool, shortcutIsSource: Bool, readsConvolution: Bool) -> Pair {
      Pair { graph in
        let input = convolution(graph, "stem", graph.input(Shape(1, 3, 96, 64)))
        let source = shortcutIsSource ? input : convolution(graph, "source", input)
        let branch = convolution(graph, "branch", source)
        let join = graph.batchNormJoin("join", branch, norm, shortcut: input)
        return [join] + (readsLater ? [convolution(graph, "later", input)] : [])
          + (readsConvolution ? [graph.relu("relu", branch)] : [])
      }
    }
    for (pair, count) in [
      (joined(readsLater: false, shortcutIsSource: false, readsConvolution: false), 0),
      (joined(readsLater: true, shortcutIsSource: false, readsConvolution: false), 1),
      (joined(readsLater: false, shortcutIsSource: true, readsConvolution: false), 1),
      (joined(readsLater: false, shortcutIsSource: false, readsConvolution: true), 1),
    ] {
      #expect(Self.batchNorms(pair.folded) == count)
      #expect(pair.difference() < 1e-5)
    }
  }
}
