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
  private var derived: [(layout: Layout, transform: String?, pass: Step.Pass, buffer: Buffer)] = []
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

  /// The parameter in a form, for a step of a pass that is added next: nil when it lives in it, else a copy.
  ///
  /// In training a copy is made in front of its first reader of the pass, and its memory is free after the last one.
  /// Without training a preparation step makes copies in other layouts once; what is transformed from them is large, and
  /// made in front of its reader.
  func copy(in wanted: WeightForm, for pass: Step.Pass, planner: Planner) -> Buffer? {
    let base = copy(in: wanted.layout, for: pass, planner: planner)
    guard let transform = wanted.transform else { return base }
    return derivedBuffer(wanted.layout, transform.key, pass, transform.byteCount, planner) { buffer in
      transform.step(parameter.name, pass, reads: base.map { [$0] } ?? [], to: buffer) {
        UnsafePointer(base?.floats ?? self.value)
      }
    }
  }

  private func copy(in wanted: Layout, for pass: Step.Pass, planner: Planner) -> Buffer? {
    adopt(wanted)
    guard let layout, layout != wanted else { return nil }
    let pass = planner.mode == .training ? pass : .prepare
    return derivedBuffer(wanted, nil, pass, wanted.byteCount, planner) { buffer in
      let copying = PlannedReorder(
        layout, wanted, planner, source: { UnsafeMutableRawPointer(self.value) }, target: { buffer.base })
      return Step(
        parameter.name, kind: "reorder", pass, reads: [copying.scratch], writes: [buffer]
      ) { _ in copying.run() }
    }
  }

  /// A copy that a pass has made already, or a new one with the step that makes it.
  private func derivedBuffer(
    _ layout: Layout, _ transform: String?, _ pass: Step.Pass, _ byteCount: Int, _ planner: Planner,
    making: (Buffer) -> Step
  ) -> Buffer {
    let known = derived.first { $0.layout == layout && $0.transform == transform && $0.pass == pass }
    if let known { return known.buffer }
    let buffer = planner.newBuffer(
      "\(parameter.name) derived", byteCount: byteCount, isPersistent: pass == .prepare)
    derived.append((layout, transform, pass, buffer))
    planner.add(making(buffer))
    return buffer
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
