import COneDNN
import Glibc
import Tensors

/// One pass of a convolution with its algorithm settled and its arguments bound to buffers.
///
/// Where the primitive computes in floats and the buffers hold bfloat16, the pass converts what it reads before and what
/// it writes after.
final class PlannedConvolutionPass {
  private let pass: ConvolutionPass
  private let problem: ConvolutionProblem
  private let planner: Planner
  private let description: PrimitiveDescription
  private let algorithm: ConvolutionAlgorithm
  private let primitive: Primitive
  private let scratch: Buffer
  private var reads: [Buffer] = []
  private var writes: [Buffer]
  private var before: [(from: Buffer, to: Buffer)] = []
  private var after: [(from: Buffer, to: Buffer)] = []

  /// Settles the algorithm with the planner and compiles the primitive.
  init(_ pass: ConvolutionPass, of problem: ConvolutionProblem, name: String, _ planner: Planner) {
    (self.pass, self.problem, self.planner) = (pass, problem, planner)
    var descriptions: [ConvolutionAlgorithm: PrimitiveDescription] = [:]
    for algorithm in ConvolutionAlgorithm.allCases {
      descriptions[algorithm] = problem.description(pass, algorithm)
    }
    let candidates = ConvolutionAlgorithm.allCases.filter { descriptions[$0] != nil }
    require(!candidates.isEmpty, "oneDNN has no \(pass.rawValue) convolution for \(problem.key)")
    algorithm = planner.choose("\(pass.rawValue) \(problem.key)", among: candidates) { algorithm in
      descriptions[algorithm].map { seconds(pass, problem, $0) } ?? .infinity
    }
    guard let description = descriptions[algorithm] else { fatalError("\(algorithm) was no candidate") }
    self.description = description
    primitive = Primitive(
      description, engine: planner.engine,
      arguments: pass.activations.map(\.argument) + pass.parameters(hasBias: problem.hasBias))
    scratch = planner.newBuffer("\(name) scratch", byteCount: description.scratchBytes)
    writes = [scratch]
    planner.whenPlaced { [primitive, scratch] in primitive.place(COneDNNArguments.scratchpad, at: scratch.base) }
  }

  /// The layout that the primitive wants for an argument.
  func layout(_ argument: Int) -> Layout { description.layout(argument) }

  /// Binds a parameter or its gradient.
  func bind(
    _ argument: Int, reads: [Buffer] = [], writes: [Buffer] = [], at address: @escaping () -> UnsafeMutableRawPointer
  ) {
    self.reads += reads
    self.writes += writes
    planner.whenPlaced { [primitive] in primitive.place(argument, at: address()) }
  }

  /// Binds an activation that the pass reads.
  ///
  /// `converted` holds copies that an earlier step made of buffers that have not changed since, and gets those of this one.
  func read(_ argument: Int, _ buffer: Buffer, converted: inout [ObjectIdentifier: Buffer]) {
    reads.append(buffer)
    var bound = buffer
    if layout(argument).byteCount > buffer.byteCount {
      if let known = converted[ObjectIdentifier(buffer)] {
        bound = known
      } else {
        bound = planner.newBuffer("\(buffer.label) in floats", byteCount: layout(argument).byteCount)
        before.append((buffer, bound))
        converted[ObjectIdentifier(buffer)] = bound
      }
      reads.append(bound)
    }
    planner.whenPlaced { [primitive] in primitive.place(argument, at: bound.base) }
  }

  /// Binds the activation that the pass writes.
  func write(_ argument: Int, _ buffer: Buffer) {
    writes.append(buffer)
    var bound = buffer
    if layout(argument).byteCount > buffer.byteCount {
      bound = planner.newBuffer("\(buffer.label) in floats", byteCount: layout(argument).byteCount)
      after.append((bound, buffer))
      writes.append(bound)
    }
    planner.whenPlaced { [primitive] in primitive.place(argument, at: bound.base) }
  }

  /// The step of the pass; `finish` runs behind the primitive.
  func step(_ name: String, kind: String, finish: @escaping () -> Void = {}) -> Step {
    let (primitive, engine, before, after) = (primitive, planner.engine, before, after)
    return Step(
      name, kind: kind, pass == .forward ? .forward : .backward,
      algorithm: "\(algorithm.rawValue) \(description.implementation)",
      floatingPointOperations: problem.floatingPointOperations, reads: reads, writes: writes
    ) { _ in
      for copy in before { ElementwiseKernel.copy(copy.from.elements, copy.to.elements, count: copy.from.count) }
      primitive.run(engine)
      for copy in after { ElementwiseKernel.copy(copy.from.elements, copy.to.elements, count: copy.to.count) }
      finish()
    }
  }
}

/// The best of three timed runs of a description on memory of its own, in seconds, with the conversions that it needs.
private func seconds(
  _ pass: ConvolutionPass, _ problem: ConvolutionProblem, _ description: PrimitiveDescription
) -> Double {
  let arguments = pass.activations.map(\.argument) + pass.parameters(hasBias: problem.hasBias)
  let primitive = Primitive(description, engine: problem.engine, arguments: arguments)
  // Untouched pages would all be the one zero page, and fit the cache.
  func filled(_ byteCount: Int) -> AlignedMemory {
    let block = AlignedMemory(byteCount: byteCount)
    memset(block.base, 0x3c, block.byteCount)
    return block
  }
  var memory: [AlignedMemory] = []
  var copies: [(stored: Elements, computed: Elements, count: Int)] = []
  for argument in arguments + [COneDNNArguments.scratchpad] {
    let block = filled(description.layout(argument).byteCount)
    primitive.place(argument, at: block.base)
    memory.append(block)
    let isActivation = pass.activations.contains { $0.argument == argument }
    if isActivation && problem.precision == .bf16 && description.isInFloats(argument) {
      let stored = filled(block.byteCount / 2)
      memory.append(stored)
      copies.append((Elements(stored.base, .bf16), Elements(block.base, .f32), block.byteCount / 4))
    }
  }
  return withExtendedLifetime(memory) {
    primitive.run(problem.engine)
    var best = Double.infinity
    for _ in 0..<3 {
      let start = monotonicSeconds()
      for copy in copies { ElementwiseKernel.copy(copy.stored, copy.computed, count: copy.count) }
      primitive.run(problem.engine)
      best = min(best, monotonicSeconds() - start)
    }
    return best
  }
}
