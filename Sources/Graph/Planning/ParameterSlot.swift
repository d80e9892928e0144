import Tensors

/// A parameter as one plan uses it: its layout, the copies in other layouts, and who writes its gradient.
final class ParameterSlot {
  let parameter: Parameter
  /// The layout in which the parameter lives; the first operation that wants one settles it.
  private(set) var layout: Layout?
  /// Steps that write its gradient, in order; the last one completes it.
  private(set) var gradientSteps: [Step] = []
  /// The last backward step of the operations that use it.
  var lastBackwardStep: Step?
  private var derived: [(layout: Layout, pass: Step.Pass, buffer: Buffer)] = []
  private var valueAddress: UnsafeMutablePointer<Float>?
  private var gradientAddress: UnsafeMutablePointer<Float>?

  init(_ parameter: Parameter, layout: Layout?) {
    self.parameter = parameter
    self.layout = layout
  }

  /// The parameter's memory; only after the plan is placed.
  var value: UnsafeMutablePointer<Float> {
    guard let valueAddress else { fatalError("\(parameter.name) was never placed") }
    return valueAddress
  }

  /// The gradient's memory; only after the plan is placed.
  var gradient: UnsafeMutablePointer<Float> {
    guard let gradientAddress else { fatalError("the gradient of \(parameter.name) was never placed") }
    return gradientAddress
  }

  /// Makes a layout the parameter's own if it has none yet.
  func adopt(_ wanted: Layout) { if layout == nil { layout = wanted } }

  /// The parameter in a layout, for a step of a pass that is added next: nil when it lives in it, else a copy.
  ///
  /// In training a copy is made in front of its first reader of the pass, and its memory is free after the last one.
  /// Without training a preparation step makes it once.
  func copy(in wanted: Layout, for pass: Step.Pass, planner: Planner) -> Buffer? {
    adopt(wanted)
    guard let layout, layout != wanted else { return nil }
    let pass = planner.mode == .training ? pass : .prepare
    if let known = derived.first(where: { $0.layout == wanted && $0.pass == pass }) { return known.buffer }
    let buffer = planner.newBuffer(
      "\(parameter.name) derived", byteCount: wanted.byteCount, isPersistent: pass == .prepare)
    derived.append((wanted, pass, buffer))
    if let transposition = transposition(layout, wanted) {
      planner.add(
        Step(parameter.name, kind: "reorder", pass, reads: [], writes: [buffer]) { _ in
          transposition.run(self.value, to: buffer.floats)
        })
      return buffer
    }
    let copying = PlannedReorder(
      layout, wanted, planner, source: { UnsafeMutableRawPointer(self.value) }, target: { buffer.base })
    planner.add(
      Step(parameter.name, kind: "reorder", pass, reads: [copying.scratch], writes: [buffer]) { _ in copying.run() })
    return buffer
  }

  /// What brings a weight from one layout to the other where both have blocks of 16 x 16 channels.
  private func transposition(_ from: Layout, _ to: Layout) -> WeightTransposition? {
    let shape = parameter.shape
    guard !parameter.isVector, shape.n % 16 == 0, shape.c % 16 == 0,
      from == Layout(shape, .blockedWeight(.outputsFirst)), to == Layout(shape, .blockedWeight(.inputsFirst))
    else { return nil }
    return WeightTransposition(shape)
  }

  /// Notes a step that writes or adds to the gradient.
  func noteGradient(_ step: Step) { gradientSteps.append(step) }

  /// Whether no step has written the gradient yet, so that the next one may overwrite it.
  var isFirstGradient: Bool { gradientSteps.isEmpty }

  func place(in store: ParameterStore) {
    valueAddress = store.valuePointer(parameter.name)
    if case .trained = store.entry(parameter.name).parameter.role {
      gradientAddress = store.gradientPointer(parameter.name)
    }
  }
}
