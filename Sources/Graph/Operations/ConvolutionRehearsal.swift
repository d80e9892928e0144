import Glibc
import Tensors

/// A candidate for a pass of a convolution on memory of its own, to be timed.
///
/// With the primitive run the conversions of activations and the reordering of the weight or its gradient that the candidate
/// would need in the plan.
final class ConvolutionRehearsal {
  private let engine: Engine
  private let primitive: Primitive
  private var memory: [AlignedMemory] = []
  private var copies: [(stored: Elements, computed: Elements, count: Int)] = []
  private var reordering: Primitive?

  /// Prepares a candidate; `weightLayout` is where the weight or its gradient lives, if that is settled.
  init(
    _ pass: ConvolutionPass, _ problem: ConvolutionProblem, _ description: PrimitiveDescription, _ weightLayout: Layout?
  ) {
    engine = problem.engine
    let arguments = pass.activations.map(\.argument) + pass.parameters(hasBias: problem.hasBias)
    primitive = Primitive(description, engine: engine, arguments: arguments)
    for argument in arguments + [COneDNNArguments.scratchpad] {
      let block = filled(description.layout(argument).byteCount)
      primitive.place(argument, at: block.base)
      let isActivation = pass.activations.contains { $0.argument == argument }
      if isActivation && problem.precision == .bf16 && description.isInFloats(argument) {
        let stored = filled(block.byteCount / 2)
        copies.append((Elements(stored.base, .bf16), Elements(block.base, .f32), block.byteCount / 4))
      }
    }
    let wanted = description.layout(pass.parameters(hasBias: false)[0])
    if let weightLayout, weightLayout != wanted {
      let (from, to) = pass == .backwardWeights ? (wanted, weightLayout) : (weightLayout, wanted)
      let (reordering, scratchBytes) = reorderPrimitive(from, to, engine: engine)
      reordering.place(COneDNNArguments.from, at: filled(from.byteCount).base)
      reordering.place(COneDNNArguments.to, at: filled(to.byteCount).base)
      reordering.place(COneDNNArguments.scratchpad, at: filled(scratchBytes).base)
      self.reordering = reordering
    }
  }

  /// Memory that is not all the one zero page, which would fit the cache.
  private func filled(_ byteCount: Int) -> AlignedMemory {
    let block = AlignedMemory(byteCount: byteCount)
    memset(block.base, 0x3c, block.byteCount)
    memory.append(block)
    return block
  }

  /// Runs once; returns the seconds.
  func run() -> Double {
    let start = monotonicSeconds()
    for copy in copies { ElementwiseKernel.copy(copy.stored, copy.computed, count: copy.count) }
    primitive.run(engine)
    reordering?.run(engine)
    return monotonicSeconds() - start
  }
}
