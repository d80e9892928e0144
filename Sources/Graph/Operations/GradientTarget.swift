import Tensors

/// Where one contribution to a parameter's gradient goes.
///
/// A primitive overwrites what it is given. The first contribution of a step in the parameter's own layout is written
/// straight into the gradient arena; any other goes through scratch memory and is added or reordered there. Heads
/// shared by five pyramid levels contribute five times.
final class GradientTarget {
  let slot: ParameterSlot
  /// Scratch buffers of the step.
  let buffers: [Buffer]

  private let isFirst: Bool
  private let reordering: PlannedReorder?
  private let count: Int

  init(_ slot: ParameterSlot, _ layout: Layout, _ planner: Planner) {
    self.slot = slot
    slot.adopt(layout)
    isFirst = slot.isFirstGradient
    let own = slot.layout ?? layout
    count = own.byteCount / 4
    var buffers: [Buffer] = []
    if own == layout {
      reordering = nil
      if !isFirst { buffers = [planner.newBuffer("\(slot.parameter.name) addend", byteCount: layout.byteCount)] }
    } else {
      let foreign = planner.newBuffer("\(slot.parameter.name) foreign", byteCount: layout.byteCount)
      let addend = isFirst ? nil : planner.newBuffer("\(slot.parameter.name) addend", byteCount: own.byteCount)
      let copying = PlannedReorder(
        layout, own, planner, source: { foreign.base },
        target: { addend?.base ?? UnsafeMutableRawPointer(slot.gradient) })
      buffers = [foreign, copying.scratch] + (addend.map { [$0] } ?? [])
      reordering = copying
    }
    self.buffers = buffers
  }

  /// Where the primitive writes.
  var destination: UnsafeMutableRawPointer { buffers.first?.base ?? UnsafeMutableRawPointer(slot.gradient) }

  /// Brings the contribution into the gradient arena.
  func finish() {
    reordering?.run()
    if !isFirst, let addend = buffers.last?.floats { FlatKernel.accumulate(slot.gradient, addend, count: count) }
  }
}
