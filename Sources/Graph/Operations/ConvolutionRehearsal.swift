import Glibc
import Tensors

/// A candidate for a pass of a convolution on memory of its own, to be timed.
///
/// With the primitive run the conversions and merging of activations and the reordering, expansion or folding of the weight or
/// its gradient that the candidate would need in the plan.
final class ConvolutionRehearsal {
  private let engine: Engine
  private let primitive: Primitive
  private var memory: [AlignedMemory] = []
  private var copies: [() -> Void] = []
  private var rearranging: () -> Void = {}
  private var reordering: Primitive?

  /// Prepares a candidate; `weightLayout` is where the weight or its gradient lives, if that is settled.
  init(
    _ pass: ConvolutionPass, _ problem: ConvolutionProblem, _ algorithm: ConvolutionAlgorithm,
    _ description: PrimitiveDescription, _ weightLayout: Layout?
  ) {
    engine = problem.engine
    let arguments = pass.activations.map(\.argument) + pass.parameters(hasBias: problem.hasBias)
    primitive = Primitive(description, engine: engine, arguments: arguments)
    for argument in arguments + [COneDNNArguments.scratchpad] {
      let block = filled(description.layout(argument).byteCount)
      primitive.place(argument, at: block.base)
      let isActivation = pass.activations.contains { $0.argument == argument }
      if isActivation && problem.precision == .bf16 && description.isInFloats(argument) {
        let stored = Elements(filled(block.byteCount / 2).base, .bf16)
        copies.append {
          ElementwiseKernel.copy(stored, Elements(block.base, .f32), count: block.byteCount / 4)
        }
      }
      if isActivation && algorithm == .merged {
        let (stored, shape) = (filled(block.byteCount), problem.activationShape(argument))
        copies.append {
          ImageMerging.merge(stored.pointer(to: Float.self), shape, to: block.pointer(to: Float.self))
        }
      }
    }
    let wanted = problem.weightLayout(algorithm) ?? description.layout(pass.parameters(hasBias: false)[0])
    if algorithm == .expanded, let expansion = problem.expansion {
      let weight = filled(wanted.byteCount).pointer(to: Float.self)
      let expanded = filled(expansion.byteCount).pointer(to: Float.self)
      let order = ConvolutionProblem.weightOrder(pass)
      rearranging =
        pass == .backwardWeights
        ? { expansion.fold(expanded, to: weight) } : { expansion.expand(weight, to: expanded, order) }
    }
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
    for copy in copies { copy() }
    rearranging()
    primitive.run(engine)
    reordering?.run(engine)
    return monotonicSeconds() - start
  }
}
