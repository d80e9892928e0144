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

  static let regularizers: [Regularizer] = [
    .dropBlock(DropBlock(blockSize: 3)), .dropBlock(DropBlock(blockSize: 3, isShared: true)), .dropout,
    .spatialDropout, .dropPath,
  ]

  private func context(_ regularizer: Regularizer, keepProbability: Double) -> RunContext {
    RunContext(
      step: 2, maskStream: .perRank(seed: 5, rank: 0),
      regularization: RegularizationStep(
        regularizer, keepProbabilities: KeepProbabilities(keepProbability), normalizerIsGlobal: false))
  }

  /// The bits of a site's mask as 0 or 1, in canonical order.
  private func bits(_ plan: Plan, _ shape: Shape = shape) -> [Float] {
    var elements: [Float] = []
    plan.withMaskBits {
      let layout = MaskLayout(shape: shape, channelBlock: plan.channelBlock)
      elements = layout.unpack($0.bindMemory(to: UInt16.self)).map(Float.init)
    }
    return elements
  }

  @Test(
    "a mask of its own multiplies value and gradient with bits and factor, in place or not",
    arguments: regularizers, [false, true])
  func ownPass(regularizer: Regularizer, inPlace: Bool) {
    let probe = Probe(Self.shape, masking: MaskSelection(groups: [4]), forgetsOutput: inPlace) { graph, x in
      graph.masked("drop", x, Self.place)
    }
    let rule = GoldenInitialization(seed: 3)
    let dimensions = [Self.shape.n, Self.shape.c, Self.shape.h, Self.shape.w]
    let (x, dy) = (rule.image(shape: dimensions), GoldenInitialization(seed: 4).image(shape: dimensions))
    probe.run(x, outputGradient: dy, context(regularizer, keepProbability: 1))
    #expect(probe.sink?.tensor == x && probe.source.gradient == dy)

    probe.run(x, outputGradient: dy, context(regularizer, keepProbability: 0.6))
    let bits = bits(probe.plan)
    let kept = bits.reduce(0, +)
    // By the count for DropBlock, and by the probability, to 2^-17, for the others.
    let factor = regularizer.factor(elements: bits.count, kept: Int(kept), keepProbability: 0.6)
    let exact = regularizer.isNormalizedByCounts ? Float(bits.count) / kept : 1 / 0.6
    #expect(abs(factor / exact - 1) < 1.3e-5)
    #expect(kept > 0 && Int(kept) < bits.count)
    #expect(probe.plan.keptFractions == [Double(kept) / Double(bits.count)])
    #expect(probe.sink?.tensor == zip(x, bits).map { $0 * $1 * factor })
    #expect(probe.source.gradient == zip(dy, bits).map { $0 * $1 * factor })
  }

  /// Oracle: the same block without masks, from which the branch is taken.
  @Test("the end of a branch drops whole samples and doubles the others; the shortcut stays")
  func branchEnd() {
    let shape = Shape(8, 16, 5, 3)
    let norm = BatchNorm(isTrained: false, statistics: .local, retention: 0.9, epsilon: 1e-3)
    let probe = Probe(shape, masking: MaskSelection(groups: [4], roles: [.branchEnd])) { graph, x in
      graph.batchNormJoin(
        "join", x, norm, shortcut: x, mask: MaskPlace(group: 4, .branchEnd, depth: 3),
        shortcutMask: ("join.shortcut", MaskPlace(group: 4, .shortcut, depth: 3)))
    }
    #expect(probe.plan.maskSites.map(\.name) == ["join"])
    probe.plan.parameters.initialize(seed: 1)
    let x = GoldenInitialization(seed: 3).image(shape: [8, 16, 5, 3]).map { abs($0) + 1 }
    let ones = [Float](repeating: 1, count: shape.count)
    probe.run(x, outputGradient: ones, RunContext())
    let (whole, wholeGradient) = (probe.sink?.tensor ?? [], probe.source.gradient)
    probe.run(x, outputGradient: ones, context(.dropPath, keepProbability: 0.5))
    var kept = 0
    for sample in 0..<shape.n {
      let elements = sample * shape.c * shape.area..<(sample + 1) * shape.c * shape.area
      let isKept = probe.sink?.tensor[elements.lowerBound] != x[elements.lowerBound]
      kept += isKept ? 1 : 0
      // Branch and shortcut are the same value here: x + factor * branch.
      let error = elements.reduce(0 as Float) { error, index in
        let expected = x[index] + (isKept ? 2 : 0) * (whole[index] - x[index])
        let gradient = 1 + (isKept ? 2 : 0) * (wholeGradient[index] - 1)
        return max(
          error, abs((probe.sink?.tensor[index] ?? 0) / expected - 1), abs(probe.source.gradient[index] / gradient - 1))
      }
      // A few roundings of floats.
      #expect(error < 1e-6)
    }
    #expect(kept > 0 && kept < shape.n && probe.plan.keptFractions == [Double(kept) / 8])
  }

  @Test("a layer's own Dropout acts in every step of training beside any regulariser, and never in inference")
  func dropout() {
    let shape = Shape(40, 48, 1, 1)
    let x = GoldenInitialization(seed: 3).image(shape: [shape.n, shape.c, 1, 1]).map { abs($0) + 1 }
    let ones = [Float](repeating: 1, count: x.count)
    let training = Probe(shape, masking: MaskSelection(groups: [4])) { graph, x in
      graph.dropout("drop", x, keepProbability: 0.5)
    }
    #expect(training.plan.maskSites.isEmpty)
    // Without random numbers nothing is drawn: evaluations of a training plan.
    training.run(x, outputGradient: ones, RunContext())
    #expect(training.sink?.tensor == x && training.source.gradient == ones)
    var draws: Set<[Float]> = []
    for step in 0..<2 {
      for regularizer in [nil, Regularizer.dropBlock(DropBlock(blockSize: 1))] {
        var context = regularizer.map { self.context($0, keepProbability: 0.1) } ?? RunContext()
        (context.step, context.maskStream) = (step, .perRank(seed: 5, rank: 0))
        training.run(x, outputGradient: ones, context)
        let gradient = training.source.gradient
        let kept = gradient.filter { $0 == 2 }.count
        #expect(kept + gradient.filter { $0 == 0 }.count == x.count)
        // Six standard deviations of 1,920 throws.
        #expect(abs(Double(kept) - 960) < 132)
        #expect(training.sink?.tensor == zip(x, gradient).map(*))
        draws.insert(gradient)
      }
    }
    // The same in a step whatever the regulariser, another in another step.
    #expect(draws.count == 2)

    let graph = Graph()
    let y = graph.dropout("drop", graph.globalAveragePool("pool", graph.input(shape)), keepProbability: 0.5)
    graph.markOutput(y)
    let inference = Plan(graph, engine: Engine(), mode: .inference, policy: .direct)
    _ = inference.inputImages.update(fromContentsOf: x)
    inference.forward(RunContext(maskStream: .perRank(seed: 5, rank: 0)))
    #expect(inference.canonicalOutput(y) == x)
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

  @Test(
    "inference applies the mask where one acts, and else passes a value on as it is", arguments: [Precision.f32, .bf16])
  func inference(precision: Precision) throws {
    guard Engine.supports(precision) else { return }
    let graph = Graph(masking: MaskSelection(groups: [4]))
    let images = graph.input(Shape(2, 3, 12, 10))
    let x = graph.convolution(
      "conv", images, channels: 20, .square(3, padding: 1), initializer: .heFanOut)
    let dropped = graph.masked("drop", x, Self.place)
    let y = graph.convolution(
      "last", dropped, channels: 4, .square(1), initializer: .heFanOut)
    for output in [x, dropped, y] { graph.markOutput(output) }
    let plan = Plan(graph, engine: Engine(), mode: .inference, precision: precision, policy: .direct)
    plan.parameters.initialize(seed: 3)
    _ = plan.inputImages.update(fromContentsOf: GoldenInitialization(seed: 5).image(shape: [2, 3, 12, 10]))
    plan.forward(RunContext())
    // Tensors that convolutions read are stored in the network's precision, and read back here only in floats.
    if precision == .f32 { #expect(plan.canonicalOutput(dropped) == plan.canonicalOutput(x)) }
    let whole = plan.canonicalOutput(y)
    #expect(whole.contains { $0 != 0 })
    plan.forward(context(.dropout, keepProbability: 0.5))
    #expect(plan.canonicalOutput(y) != whole)
    if precision == .f32 {
      let bits = bits(plan, dropped.shape)
      #expect(bits.contains(0) && bits.contains(1))
      #expect(plan.canonicalOutput(dropped) == zip(plan.canonicalOutput(x), bits).map { $0 * $1 * 2 })
    }
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
