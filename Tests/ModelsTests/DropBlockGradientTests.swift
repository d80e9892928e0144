import Graph
import Models
import Regularization
import Tensors
import TestSupport
import Testing

/// DropBlock inside the network: the goldens have none, so the gradient is checked by differences of the loss.
@Suite(.serialized) struct DropBlockGradientTests {
  /// A small detector with DropBlock in groups 3 and 4, and one positive anchor an image.
  private final class Network {
    let plan: Plan
    let targets: DetectionTargets
    let stream = MaskStream.perRank(seed: 7, rank: 0)

    init(depth: ResNetDepth) {
      let graph = Graph(masking: MaskSelection(groups: [3, 4]))
      let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-3)
      let trunk = ResNet(depth: depth, form: .torchvision, batchNorm: norm)
      let features = trunk(graph, graph.input(Shape(4, 3, 96, 128)), prefix: "")
      let logits = graph.convolution(
        "logits", features[3], channels: 3, .square(1), initializer: .heFanOut,
        bias: .constant(0))
      graph.focalLoss("loss", logits, level: 0, anchors: 1, classes: 3, alpha: 0.5, gamma: 0)
      plan = Plan(graph, engine: Engine(), mode: .training, policy: .direct)
      plan.parameters.initialize(seed: 3)
      // Sixteen blocks that all start at full scale make the loss too steep for differences in float32.
      for parameter in graph.parameters where parameter.name.hasSuffix("bn3.weight") {
        plan.parameters.write(parameter.name, .value, [Float](repeating: 0.2, count: parameter.shape.count))
      }
      let image = GoldenInitialization(seed: 5).image(shape: [4, 3, 96, 128])
      _ = plan.inputImages.update(fromContentsOf: image)
      targets = DetectionTargets(
        levelCount: 1, classWeights: [Float](repeating: 0.05, count: 4), boxWeights: [Float](repeating: 0, count: 4))
      targets.levels[0].positives = (0..<4).map {
        PositiveAnchor(image: $0, pixel: 3 * $0, anchor: 0, classIndex: $0 % 3, code: SIMD4())
      }
    }

    func context(keepProbability: Double) -> RunContext {
      RunContext(
        step: 11, maskStream: stream,
        regularization: RegularizationStep(
          .dropBlock(DropBlock(blockSize: 3)), keepProbabilities: KeepProbabilities(keepProbability),
          normalizerIsGlobal: false),
        targets: targets)
    }

    func loss(_ context: RunContext) -> Double {
      plan.forward(context)
      return targets.classLoss
    }
  }

  @Test(
    "the gradient through masks is the slope of the loss", arguments: [ResNetDepth.resNet18, .resNet50], [1, 0.7])
  func slope(depth: ResNetDepth, keepProbability: Double) {
    let network = Network(depth: depth)
    let context = network.context(keepProbability: keepProbability)
    let height = network.loss(context)
    network.plan.backward(context)
    let store = network.plan.parameters
    let range = ParameterStore.headCount..<store.trainedEnd
    let gradient = Array(store.gradientArena[range])
    let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    let start = Array(store.valueArena[range])
    // Along the gradient the slope is its norm; half a percent of the loss is far above float32's noise in it.
    func loss(at distance: Double) -> Double {
      for (index, position) in range.enumerated() {
        store.valueArena[position] = start[index] + Float(distance * Double(gradient[index]) / norm)
      }
      return network.loss(context)
    }
    let step = 5e-3 * height / norm
    let slope = (loss(at: step) - loss(at: -step)) / (2 * step)
    // Kinks of ReLU and the curvature of batch-norm leave about a percent.
    #expect(abs(slope / norm - 1) < 0.03, "slope \(slope), norm of the gradient \(norm)")
  }

  @Test("a keep probability of 1 computes the same as no DropBlock, bit for bit")
  func identity() {
    let network = Network(depth: .resNet18)
    let with = network.loss(network.context(keepProbability: 1))
    let without = network.loss(RunContext(step: 11, targets: network.targets))
    #expect(with == without)
  }

  @Test("masks act in training: the loss depends on the step, and each site keeps its share")
  func masksAct() {
    let network = Network(depth: .resNet50)
    var context = network.context(keepProbability: 0.7)
    let first = network.loss(context)
    let kept = network.plan.keptFractions
    #expect(network.loss(context) == first)
    context.step = 12
    #expect(network.loss(context) != first)
    #expect(network.plan.maskSites.count == 36)
    for (site, share) in zip(network.plan.maskSites, kept) {
      let expectation = DropExpectation(
        DropBlock(blockSize: 3), keepProbability: 0.7, height: site.shape.h,
        width: site.shape.w)
      // Over 4 x 256 channels and more, the share of one draw stays within a point.
      #expect(abs(1 - share - expectation.rate) < 0.03, "\(site.name): kept \(share)")
    }
  }
}
