import Tensors

/// A copy of a tensor from one layout to another as part of a step.
struct PlannedReorder {
  /// Memory that the step has to name as its own.
  let scratch: Buffer
  private let primitive: Primitive
  private let engine: Engine

  /// Compiles the copy; the addresses are asked for once the plan is placed.
  init(
    _ from: Layout, _ to: Layout, _ planner: Planner, source: @escaping () -> UnsafeMutableRawPointer,
    target: @escaping () -> UnsafeMutableRawPointer
  ) {
    let (primitive, scratchBytes) = reorderPrimitive(from, to, engine: planner.engine)
    let scratch = planner.newBuffer("reorder scratch", byteCount: scratchBytes)
    (self.primitive, self.scratch, engine) = (primitive, scratch, planner.engine)
    planner.whenPlaced {
      primitive.place(COneDNNArguments.from, at: source())
      primitive.place(COneDNNArguments.to, at: target())
      primitive.place(COneDNNArguments.scratchpad, at: scratch.base)
    }
  }

  /// Copies.
  func run() { primitive.run(engine) }
}
