import Regularization
import Tensors

/// Turns a graph into a plan: chooses every primitive, differentiates, and places every buffer.
///
/// Operations call back into the planner for buffers, parameters and gradients, and add their steps. The steps come
/// out as preparations (weights derived into other layouts), forward, and backward in reverse order.
public final class Planner {
  /// What a plan computes.
  public enum Mode: Sendable {
    /// Forward with batch statistics, losses, and every gradient.
    case training
    /// Forward with running statistics.
    case inference
  }

  let graph: Graph
  let engine: Engine
  let mode: Mode
  /// What activations and the weights that convolutions read are stored as.
  let precision: Precision
  /// Settles the algorithms of convolutions.
  var algorithms: AlgorithmChooser
  private(set) var slots: [ParameterSlot]

  private var steps: [Step] = []
  private var prepareSteps: [Step] = []
  private var buffers: [Buffer] = []
  private var valueBuffers: [Int: Buffer] = [:]
  private var valueGradients: [Int: [Buffer]] = [:]
  private var lossGradients: [Int: Buffer] = [:]
  private var sharedGradients: Set<ObjectIdentifier> = []
  private var needsGradient: Set<Int> = []
  private var binders: [() -> Void] = []
  private var forwardStepCount = 0
  private var inputBuffer: Buffer?
  let masks: [MaskSlot]
  /// The masks of layers with Dropout of their own, in the order of the graph; inference has none.
  let ownMasks: [MaskSlot]
  /// Biases whose gradient is zero and stays so.
  let biasesWithoutGradient: Set<ParameterID>
  /// The batch-norms that convolutions compute: none in training.
  private(set) var folding = BatchNormFolding()

  /// A planner for one graph; `store` holds the parameters already when another plan made them.
  init(
    _ graph: Graph, engine: Engine, mode: Mode, precision: Precision, policy: AlgorithmPolicy,
    choices: AlgorithmChoices, foldsBatchNorm: Bool, store: ParameterStore?
  ) {
    require(Engine.supports(precision), "this processor does not compute in \(precision.rawValue)")
    (self.graph, self.engine, self.mode) = (graph, engine, mode)
    self.precision = precision
    algorithms = AlgorithmChooser(policy: policy, precision: precision, known: choices)
    slots = graph.parameters.map { ParameterSlot($0, layout: store?.entry($0.name).layout) }
    biasesWithoutGradient = mode == .training ? graph.biasesWithoutGradient : []
    masks = graph.maskSites.map { MaskSlot($0, channelBlock: engine.channelBlock) }
    ownMasks =
      mode == .inference
      ? []
      : graph.dropouts.map {
        MaskSlot($0.site, ownKeepProbability: $0.keepProbability, channelBlock: engine.channelBlock)
      }
    if mode == .inference && foldsBatchNorm { folding = BatchNormFolding(graph, precision: self.precision(of:)) }
  }

  /// Whether the gradient of a value is wanted.
  func wantsGradient(_ value: Value) -> Bool { needsGradient.contains(value.id) }

  /// Whether a parameter is learned in this plan.
  func isTrained(_ id: ParameterID) -> Bool {
    guard mode == .training, case .trained = slots[id.index].parameter.role else { return false }
    return true
  }

  // MARK: Buffers

  /// A buffer in the arena, alive as long as steps mention it.
  func newBuffer(
    _ label: String, byteCount: Int, precision: Precision = .f32, isPersistent: Bool = false
  ) -> Buffer {
    let buffer = Buffer(label, byteCount: max(byteCount, 64), precision: precision, isPersistent: isPersistent)
    buffers.append(buffer)
    return buffer
  }

  /// A buffer for an activation or its gradient, in the blocked layout.
  func newActivation(_ label: String, _ shape: Shape) -> Buffer {
    newBuffer(label, byteCount: engine.activationLayout(shape, precision).byteCount, precision: precision)
  }

  /// What a value is stored as: floats where only losses and the caller read it.
  func precision(of value: Value) -> Precision {
    let isRead = graph.readers(of: value).contains { !graph.nodes[$0].outputs.isEmpty }
    return graph.outputs.contains(value) && !isRead ? .f32 : precision
  }

  /// The buffer that holds a value once its operation ran.
  func buffer(of value: Value) -> Buffer {
    if let buffer = valueBuffers[value.id] { return buffer }
    let stored = precision(of: value)
    let buffer = newBuffer(
      "value \(value.id)", byteCount: engine.activationLayout(value.shape, stored).byteCount, precision: stored,
      isPersistent: graph.outputs.contains(value))
    buffer.isValue = true
    valueBuffers[value.id] = buffer
    return buffer
  }

  /// Declares the plan's input, images in plain (N, C, H, W) order; returns the floats that the caller writes.
  func declareInput(_ value: Value) -> Buffer {
    let buffer = newBuffer("input", byteCount: value.shape.count * 4, isPersistent: true)
    valueBuffers[value.id] =
      precision == .f32
      ? buffer
      : newBuffer(
        "input in \(precision.rawValue)", byteCount: value.shape.count * precision.byteCount, precision: precision)
    inputBuffer = buffer
    return buffer
  }

  // MARK: Steps

  /// Adds the next step of the pass that is being planned.
  func add(_ step: Step) {
    if step.pass == .prepare {
      prepareSteps.append(step)
    } else {
      steps.append(step)
    }
  }

  /// Runs `bind` once all buffers and parameters have their addresses.
  func whenPlaced(_ bind: @escaping () -> Void) { binders.append(bind) }

  // MARK: Gradients

  /// Records one addend of the gradient of a value.
  func addGradient(_ buffer: Buffer, to value: Value) {
    let isKnown = valueGradients.values.contains { $0.contains { $0 === buffer } }
    if isKnown { sharedGradients.insert(ObjectIdentifier(buffer)) }
    valueGradients[value.id, default: []].append(buffer)
  }

  /// Whether nobody else reads this gradient, so that its reader may overwrite it.
  func mayOverwrite(_ gradient: Buffer) -> Bool { !sharedGradients.contains(ObjectIdentifier(gradient)) }

  /// An addend that may be overwritten with what is computed from it, or a new buffer.
  func overwritable(_ addends: [Buffer], label: String, _ shape: Shape) -> Buffer {
    addends.first(where: mayOverwrite) ?? newActivation(label, shape)
  }

  /// Where a loss leaves the gradient of the value that it compares: in its place, unless the value is an output.
  func lossGradient(of value: Value) -> Buffer {
    if !graph.outputs.contains(value) { return buffer(of: value) }
    if let known = lossGradients[value.id] { return known }
    let gradient = newActivation("gradient of value \(value.id)", value.shape)
    gradient.isValue = true
    lossGradients[value.id] = gradient
    return gradient
  }

  /// Lets an operation write its output over its input where it is the only reader.
  func computeInPlace(_ input: Value, _ output: Value) {
    if graph.readers(of: input).count == 1 && !graph.outputs.contains(input) && !graph.outputs.contains(output) {
      overwrite(input, with: output)
    }
  }

  /// Whether the operation that makes a value does not read it again in its backward pass.
  func producerForgets(_ value: Value) -> Bool { graph.nodes[graph.producer(of: value)].forgetsOutput }

  /// Lets an operation write its output over a value that nobody reads afterwards.
  func overwrite(_ value: Value, with output: Value) {
    let shared = buffer(of: value)
    valueBuffers[output.id] = shared
    if graph.outputs.contains(output) { shared.isPersistent = true }
  }

  /// The mask of a site, if there is one.
  func mask(_ site: MaskSite?) -> MaskSlot? {
    site.flatMap { $0.index < masks.count ? masks[$0.index] : ownMasks.first { slot in slot.site == site } }
  }

  /// At most `limit` addends with the same sum, by summing the surplus into one.
  func merge(_ addends: [Buffer], limit: Int, name: String, shape: Shape) -> [Buffer] {
    if addends.count <= limit { return addends }
    let surplus = Array(addends[(limit - 1)...])
    let sum = overwritable(surplus, label: "\(name) gradient sum", shape)
    add(
      Step(name, kind: "gradient sum", .backward, reads: surplus, writes: [sum]) { _ in
        ElementwiseKernel.sum(surplus.map(\.elements), to: sum.elements, count: sum.count)
      })
    return Array(addends[..<(limit - 1)]) + [sum]
  }

  // MARK: Planning

  /// Makes the plan; `store` must be the one given at the start.
  func makePlan(store: ParameterStore?) -> Plan {
    for node in graph.nodes {
      if mode != .training { continue }
      if node.inputs.contains(where: { needsGradient.contains($0.id) }) || node.parameters.contains(where: isTrained) {
        needsGradient.formUnion(node.outputs.map(\.id))
      }
    }
    let planned = graph.nodes.map { $0.plan(self) }
    for operation in planned { operation.addForward(to: self) }
    forwardStepCount = steps.count
    if mode == .training {
      for (node, operation) in zip(graph.nodes, planned).reversed() {
        // Taken out of the table first: what an operation computes in place is its own to pass on.
        let gradients = node.outputs.map { valueGradients.removeValue(forKey: $0.id) ?? [] }
        let hasWork =
          node.inputs.contains(where: wantsGradient) || node.parameters.contains(where: isTrained)
        if hasWork && (gradients.isEmpty || gradients.contains { !$0.isEmpty }) {
          operation.addBackward(to: self, outputGradients: gradients)
          for parameter in node.parameters { slots[parameter.index].lastBackwardStep = steps.last }
        }
      }
    }
    let store = store ?? makeStore()
    noteProgress(store)
    let arena = placeArena()
    for slot in slots { slot.place(in: store) }
    for mask in masks + ownMasks { mask.allocate() }
    for bind in binders { bind() }
    return Plan(
      graph: graph, engine: engine, mode: mode, precision: precision, parameters: store, choices: algorithms.choices,
      timings: algorithms.timings,
      arena: arena,
      prepareSteps: prepareSteps, forwardSteps: Array(steps[..<forwardStepCount]),
      backwardSteps: Array(steps[forwardStepCount...]), masks: masks, ownMasks: ownMasks, input: inputBuffer,
      outputs: Dictionary(uniqueKeysWithValues: graph.outputs.map { ($0.id, buffer(of: $0)) }))
  }

  /// Settles the offsets: trained parameters in the order in which their last gradient step runs.
  private func makeStore() -> ParameterStore {
    let trained = slots.indices.filter { isTrained(ParameterID(index: $0)) }
    let order = trained.sorted { a, b in
      let (stepA, stepB) = (lastGradientStep(slots[a]), lastGradientStep(slots[b]))
      return stepA == stepB ? a < b : stepA < stepB
    }
    // In a plan that does not train, nothing moves: every parameter may lie with the frozen ones.
    let parameters =
      mode == .training
      ? graph.parameters
      : graph.parameters.map {
        Parameter(
          name: $0.name, shape: $0.shape, isVector: $0.isVector, role: .frozen, initializer: $0.initializer)
      }
    return ParameterStore(
      parameters, layouts: slots.map { $0.layout ?? Layout($0.parameter.extents, .plain) },
      trainedOrder: order, engine: engine)
  }

  private func lastGradientStep(_ slot: ParameterSlot) -> Int {
    steps.lastIndex { step in slot.gradientSteps.contains { $0 === step } } ?? Int.max
  }

  /// Settles which gradients are final after each backward step, and which parameters are read no more.
  private func noteProgress(_ store: ParameterStore) {
    guard mode == .training else { return }
    var completed = [Int](repeating: 0, count: steps.count)
    var released = completed
    var lastReader = 0
    let trained = slots.filter { !$0.gradientSteps.isEmpty }
    for slot in trained.sorted(by: { store.entry($0.parameter.name).offset < store.entry($1.parameter.name).offset }) {
      let entry = store.entry(slot.parameter.name)
      completed[lastGradientStep(slot)] = entry.offset + entry.count
      // Parameters in front of it may be read later than it is.
      lastReader = max(lastReader, steps.lastIndex { $0 === slot.lastBackwardStep } ?? 0)
      released[lastReader] = entry.offset + entry.count
    }
    var progress = BackwardProgress()
    for (index, step) in steps.enumerated() {
      progress.completeGradients = max(progress.completeGradients, completed[index])
      progress.releasedParameters = max(progress.releasedParameters, released[index])
      step.progress = progress
    }
  }

  private func placeArena() -> AlignedMemory {
    let all = prepareSteps + steps
    for (index, step) in all.enumerated() {
      for buffer in step.reads + step.writes { buffer.use(at: index) }
    }
    let used = buffers.filter { $0.isPersistent || $0.lastStep >= 0 }
    let (offsets, byteCount) = placeBuffers(used, stepCount: all.count)
    let arena = AlignedMemory(byteCount: byteCount)
    for (buffer, offset) in zip(used, offsets) { buffer.place(at: arena.base + offset) }
    return arena
  }
}
