import Glibc
import Tensors

/// A candidate for a pass of a convolution on memory of its own, to be timed.
///
/// With the method run what the plan would do for it: conversions of activations, and bringing the weight into its form or the
/// weight's gradient into the layout where it lives.
final class ConvolutionRehearsal {
  private let method: any ConvolutionMethod
  private let engine: Engine
  private let memory: ConvolutionMemory
  private let blocks: [AlignedMemory]
  private let copies: [() -> Void]
  private let preparing: () -> Void
  private let reordering: Primitive?

  /// Prepares a candidate; `weightLayout` is where the weight or its gradient lives, if that is settled.
  init(
    _ pass: ConvolutionPass, _ problem: ConvolutionProblem, _ method: any ConvolutionMethod, _ weightLayout: Layout?
  ) {
    (self.method, engine) = (method, problem.engine)
    var (blocks, copies): ([AlignedMemory], [() -> Void]) = ([], [])
    // Memory that is not all the one zero page, which would fit the cache.
    func filled(_ byteCount: Int) -> AlignedMemory {
      let block = AlignedMemory(byteCount: byteCount)
      memset(block.base, 0x3c, block.byteCount)
      blocks.append(block)
      return block
    }
    func activation(_ shape: BlockedShape, _ stored: Precision, isRead: Bool) -> Elements {
      let elements = Elements(filled(shape.count * stored.byteCount).base, stored)
      if !method.needsFloats || stored == .f32 { return elements }
      let floats = Elements(filled(shape.count * 4).base, .f32)
      let (from, to) = isRead ? (elements, floats) : (floats, elements)
      copies.append { ElementwiseKernel.copy(from, to, count: shape.count) }
      return floats
    }
    let sources = problem.inputs.map { activation($0, problem.precision, isRead: pass.readsSource) }
    let result = pass == .forward ? problem.outputPrecision : problem.precision
    let destinations = problem.outputs.map { activation($0, result, isRead: pass.readsDestination) }
    let form = method.weight
    let weight = filled(form.byteCount)
    let base = form.transform == nil ? weight : filled(form.layout.byteCount)
    preparing = {
      form.transform?.run(base.pointer(to: Float.self), to: weight.pointer(to: Float.self))
    }
    let bias = problem.hasBias && pass != .backwardData ? filled(problem.biasLayout.byteCount) : nil
    memory = ConvolutionMemory(
      sources: sources, destinations: destinations, weight: weight.base, bias: bias?.pointer(to: Float.self),
      scratch: filled(method.scratchBytes).base)
    if let weightLayout, weightLayout != form.layout {
      let (from, to) = pass == .backwardWeights ? (form.layout, weightLayout) : (weightLayout, form.layout)
      let (reordering, scratchBytes) = reorderPrimitive(from, to, engine: engine)
      reordering.place(COneDNNArguments.from, at: filled(from.byteCount).base)
      reordering.place(COneDNNArguments.to, at: filled(to.byteCount).base)
      reordering.place(COneDNNArguments.scratchpad, at: filled(scratchBytes).base)
      self.reordering = reordering
    } else {
      reordering = nil
    }
    (self.blocks, self.copies) = (blocks, copies)
  }

  /// Runs once; returns the seconds.
  func run() -> Double {
    let start = monotonicSeconds()
    for copy in copies { copy() }
    reordering?.run(engine)
    preparing()
    method.run(memory)
    return monotonicSeconds() - start
  }
}
