import Graph
import Models
import Regularization
import Tensors
import TestSupport
import Testing

/// Masks where models put them; oracle: the bits of the plan, multiplied out.
@Suite(.serialized) struct MaskingTests {
  static let shape = Shape(3, 20, 9, 11)
  static let place = MaskPlace(group: 4, .convolution, depth: 1)

  private func context(keepProbability: Double) -> RunContext {
    RunContext(
      step: 2,
      dropBlock: DropBlockStep(
        DropBlock(blockSize: 3, keepProbability: keepProbability), keepProbability: [4: keepProbability],
        stream: .perRank(seed: 5, rank: 0), normalizerIsGlobal: false))
  }

  /// The bits of a site's mask as 0 or 1, in canonical order.
  private func bits(_ plan: Plan) -> [Float] {
    var elements: [Float] = []
    plan.withMaskBits {
      let layout = MaskLayout(shape: Self.shape, channelBlock: plan.channelBlock)
      elements = layout.unpack($0.bindMemory(to: UInt16.self)).map(Float.init)
    }
    return elements
  }

  @Test(
    "a mask of its own multiplies value and gradient with bits and factor, in place or not", arguments: [false, true],
    [0.7, 1])
  func ownPass(inPlace: Bool, keepProbability: Double) {
    let probe = Probe(Self.shape, masking: MaskSelection(groups: [4]), forgetsOutput: inPlace) { graph, x in
      graph.masked("drop", x, Self.place)
    }
    let rule = GoldenInitialization(seed: 3)
    let dimensions = [Self.shape.n, Self.shape.c, Self.shape.h, Self.shape.w]
    let (x, dy) = (rule.image(shape: dimensions), GoldenInitialization(seed: 4).image(shape: dimensions))
    probe.run(x, outputGradient: dy, context(keepProbability: keepProbability))
    if keepProbability == 1 {
      #expect(probe.sink?.tensor == x && probe.source.gradient == dy)
      return
    }
    let bits = bits(probe.plan)
    let kept = bits.reduce(0, +)
    let factor = Float(Double(bits.count) / Double(kept))
    #expect(kept > 0 && Int(kept) < bits.count)
    #expect(probe.plan.keptFractions == [Double(kept) / Double(bits.count)])
    #expect(probe.sink?.tensor == zip(x, bits).map { $0 * $1 * factor })
    #expect(probe.source.gradient == zip(dy, bits).map { $0 * $1 * factor })
  }

  @Test("a place that was not selected is the value itself, and is still known as a place")
  func notSelected() {
    let graph = Graph(masking: MaskSelection(groups: [4], roles: [.branchEnd]))
    let x = graph.input(Self.shape)
    #expect(graph.masked("drop", x, Self.place) == x)
    #expect(graph.maskSites.isEmpty && graph.maskPlaces == [Self.place])
    let branchEnd = MaskPlace(group: 4, .branchEnd, depth: 1)
    #expect(graph.masked("end", x, branchEnd) != x)
    #expect(graph.masked("other group", x, MaskPlace(group: 3, .branchEnd, depth: 1)) == x)
    #expect(graph.maskSites == [MaskSite(index: 0, name: "end", place: branchEnd, shape: Self.shape)])
  }

  @Test("inference passes a value on as it is", arguments: [Precision.f32, .bf16])
  func inference(precision: Precision) throws {
    guard Engine.supports(precision) else { return }
    let graph = Graph(masking: MaskSelection(groups: [4]))
    let images = graph.input(Shape(2, 3, 12, 10))
    let x = graph.convolution(
      "conv", images, channels: 20, kernel: 3, padding: .symmetric(1), initializer: .heFanOut)
    let dropped = graph.masked("drop", x, Self.place)
    let y = graph.convolution(
      "last", dropped, channels: 4, kernel: 1, padding: .symmetric(0), initializer: .heFanOut)
    for output in [x, dropped, y] { graph.markOutput(output) }
    let plan = Plan(graph, engine: Engine(), mode: .inference, precision: precision, policy: .direct)
    plan.parameters.initialize(seed: 3)
    _ = plan.inputImages.update(fromContentsOf: GoldenInitialization(seed: 5).image(shape: [2, 3, 12, 10]))
    plan.forward(context(keepProbability: 0.5))
    // Tensors that convolutions read are stored in the network's precision, and read back here only in floats.
    if precision == .f32 { #expect(plan.canonicalOutput(dropped) == plan.canonicalOutput(x)) }
    #expect(plan.canonicalOutput(y).contains { $0 != 0 })
  }

  @Test("a ResNet has four places a bottleneck and three a basic block, and counts its blocks over all groups")
  func resNetPlaces() {
    for (depth, blocks, perBlock) in [(ResNetDepth.resNet50, 16, 4), (.resNet18, 8, 3), (.resNet101, 33, 4)] {
      let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-3)
      let graph = Graph(masking: MaskSelection(groups: [3, 4], roles: [.branchEnd]))
      _ = ResNet(depth: depth, form: .paper, batchNorm: norm)(graph, graph.input(Shape(1, 3, 64, 64)), prefix: "")
      #expect(graph.maskPlaces.count == blocks * perBlock)
      #expect(Set(graph.maskPlaces.map(\.depth)) == Set(1...blocks))
      #expect(graph.maskSites.map(\.place.depth) == Array((depth.blocks[0] + depth.blocks[1] + 1)...blocks))
      let last = depth.isBottleneck ? "bn3" : "bn2"
      #expect(graph.maskSites.map(\.index) == Array(graph.maskSites.indices))
      #expect(graph.maskSites.last?.name == "layer4.\(depth.blocks[3] - 1).\(last)")
    }
  }
}
