import Regularization
import Tensors

/// A model ready to run: every primitive chosen, every buffer placed, every gradient's completion known.
public final class Plan {
  /// The values, gradients and momentum of the parameters.
  public let parameters: ParameterStore
  /// The algorithms that the plan uses; give them to other ranks and to a restart.
  public let choices: AlgorithmChoices
  /// What was timed to choose them, where nothing else settled the choice.
  public let timings: [MethodTiming]
  /// Bytes of activations, gradients of activations, masks and scratch memory.
  public var arenaBytes: Int { arena.byteCount }
  /// The channel block of outputs: element (n, c, y, x) lies at ((n * CB + c / b) * H * W + y * W + x) * b + c % b.
  public var channelBlock: Int { engine.channelBlock }
  /// The sites of the regulariser, in the order of their layer numbers.
  public var maskSites: [MaskSite] { graph.maskSites }
  /// The groups and blocks of the model in which a regulariser could act.
  public var maskExtent: MaskExtent { graph.maskExtent }

  private let graph: Graph
  private let engine: Engine
  private let mode: Planner.Mode
  /// What activations and the weights that convolutions read are stored as.
  public let precision: Precision
  private let arena: AlignedMemory
  private let prepareSteps: [Step]
  private let forwardSteps: [Step]
  private let backwardSteps: [Step]
  /// Those of the regulariser's sites.
  private let masks: [MaskSlot]
  /// Those of layers with Dropout of their own.
  private let ownMasks: [MaskSlot]
  private let input: Buffer?
  private let outputs: [Int: Buffer]
  private var derivedWeightsAreStale = true

  init(
    graph: Graph, engine: Engine, mode: Planner.Mode, precision: Precision, parameters: ParameterStore,
    choices: AlgorithmChoices, timings: [MethodTiming], arena: AlignedMemory, prepareSteps: [Step],
    forwardSteps: [Step], backwardSteps: [Step],
    masks: [MaskSlot], ownMasks: [MaskSlot],
    input: Buffer?, outputs: [Int: Buffer]
  ) {
    (self.graph, self.engine, self.mode, self.precision) = (graph, engine, mode, precision)
    (self.parameters, self.choices, self.timings) = (parameters, choices, timings)
    (self.arena, self.prepareSteps, self.forwardSteps) = (arena, prepareSteps, forwardSteps)
    (self.backwardSteps, self.masks, self.ownMasks) = (backwardSteps, masks, ownMasks)
    (self.input, self.outputs) = (input, outputs)
  }

  /// Plans a graph.
  ///
  /// - Parameters:
  ///   - mode: training plans have a backward pass; inference plans use running statistics. Both have masks where the graph
  ///     has sites.
  ///   - precision: what activations are stored as; the processor must support it.
  ///   - policy: where algorithms come from that `choices` does not settle.
  ///   - foldsBatchNorm: whether inference computes a batch-norm with the convolution in front of it where it can.
  ///   - store: the parameters of an earlier plan of the same model, at any shape.
  public convenience init(
    _ graph: Graph, engine: Engine, mode: Planner.Mode, precision: Precision = .f32, policy: AlgorithmPolicy = .timed,
    choices: AlgorithmChoices = AlgorithmChoices(), foldsBatchNorm: Bool = true,
    sharing store: ParameterStore? = nil
  ) {
    let planner = Planner(
      graph, engine: engine, mode: mode, precision: precision, policy: policy, choices: choices,
      foldsBatchNorm: foldsBatchNorm, store: store)
    self.init(planner.makePlan(store: store))
  }

  private convenience init(_ other: Plan) {
    self.init(
      graph: other.graph, engine: other.engine, mode: other.mode, precision: other.precision,
      parameters: other.parameters, choices: other.choices, timings: other.timings, arena: other.arena,
      prepareSteps: other.prepareSteps,
      forwardSteps: other.forwardSteps, backwardSteps: other.backwardSteps, masks: other.masks,
      ownMasks: other.ownMasks, input: other.input, outputs: other.outputs)
  }

  /// The memory of the batch: images in plain (N, C, H, W) order, normalised; written before a run.
  public var inputImages: UnsafeMutableBufferPointer<Float> {
    guard let input else { fatalError("the graph has no input") }
    return UnsafeMutableBufferPointer(start: input.floats, count: input.byteCount / 4)
  }

  /// An output of the last run in the blocked layout, padding lanes included.
  public func output(_ value: Value) -> UnsafeBufferPointer<Float> {
    guard let buffer = outputs[value.id] else { fatalError("value \(value.id) is not marked as an output") }
    return UnsafeBufferPointer(start: buffer.floats, count: buffer.byteCount / 4)
  }

  /// An output of the last run in canonical (N, C, H, W) order.
  public func canonicalOutput(_ value: Value) -> [Float] {
    let source = output(value)
    return [Float](unsafeUninitializedCapacity: value.shape.count) { target, count in
      if let from = source.baseAddress, let to = target.baseAddress {
        reorder(
          from: from, engine.activationLayout(value.shape, .f32), to: to, Layout(value.shape, .plain), engine: engine)
      }
      count = value.shape.count
    }
  }

  /// Says that parameters changed outside of training, so that copies in other layouts are made anew.
  public func parametersChanged() { derivedWeightsAreStale = true }

  /// Runs forward: outputs and losses.
  ///
  /// In training, weights are taken to have changed since the last run.
  public func forward(_ context: RunContext) { forward(context) { _ in } }

  /// Runs forward and shows each step once it has run.
  func forward(_ context: RunContext, after: (Step) -> Void) {
    if mode == .training || derivedWeightsAreStale {
      for step in prepareSteps { run(step, context) }
      derivedWeightsAreStale = false
    }
    drawMasks(context)
    context.targets?.forgetResults()
    for step in forwardSteps {
      run(step, context)
      after(step)
    }
  }

  /// Runs backward after a forward run of the same context: every gradient of a trained parameter.
  public func backward(_ context: RunContext) {
    require(mode == .training, "an inference plan has no backward pass")
    for step in backwardSteps {
      run(step, context)
      context.afterBackwardStep?(step.progress)
    }
  }

  private func run(_ step: Step, _ context: RunContext) {
    context.operationBegins?(step.label)
    context.timeline.measure(step.label) { step.run(context) }
  }

  /// Draws every mask of the step; with a global normaliser one sum over ranks settles all factors.
  private func drawMasks(_ context: RunContext) {
    let regularization = context.regularization
    require(regularization == nil || context.maskStream != nil, "a regulariser without random numbers")
    let timeline = regularization == nil ? nil : context.timeline
    for mask in masks { timeline.measure(mask.label) { mask.draw(context) } }
    for mask in ownMasks { mask.draw(context) }
    guard let regularization, regularization.normalizerIsGlobal, regularization.regularizer.isNormalizedByCounts,
      let rankSums = context.rankSums
    else { return }
    var counts = masks.flatMap { [Double($0.site.shape.count), Double($0.kept)] }
    counts.withUnsafeMutableBufferPointer { rankSums.sum($0) }
    for (index, mask) in masks.enumerated() {
      mask.normalize(regularization, elements: Int(counts[2 * index]), kept: Int(counts[2 * index + 1]))
    }
  }
}

extension Plan {
  /// The kind of work that draws masks, which no operation of the plan is.
  public static let maskDrawing = "mask drawing"

  /// The operations, in the order in which they run.
  public var operations: [WorkLabel] { (prepareSteps + forwardSteps + backwardSteps).map(\.label) }

  /// A text that is the same where the same operations run in the same order over the same memory.
  public var fingerprint: String {
    let parts =
      operations.map { "\($0.name) \($0.pass) \($0.kind) \($0.algorithm)" }
      + parameters.parameters.map { "\($0.name) \($0.extents)" }
      + ["\(precision) \(channelBlock) \(arenaBytes) \(parameters.valueArena.count) \(parameters.frozenArena.count)"]
    // FNV-1a.
    let hash = parts.joined(separator: "\n").utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }

  /// Lends the bits of each mask of the last run, in the order of the sites; an inactive site is left out.
  public func withMaskBits(_ body: (UnsafeRawBufferPointer) -> Void) {
    for mask in masks { mask.words.map(body) }
  }

  /// Fractions of elements that each site kept in the last run.
  public var keptFractions: [Double] { masks.map { Double($0.kept) / Double($0.site.shape.count) } }
}
