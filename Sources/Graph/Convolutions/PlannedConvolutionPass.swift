import Tensors

/// One pass of a convolution with its method settled and its arguments bound to buffers.
///
/// Where the method computes in floats and the buffers hold bfloat16, the pass converts what it reads before and what it
/// writes after.
final class PlannedConvolutionPass {
  /// An activation in memory: the buffer that the method sees, and what it is converted from or to.
  private struct Activation {
    let bound: Buffer
    let stored: Buffer
    /// Whether the pass converts it: not where it is as stored, or an earlier step has converted it already.
    let isConverted: Bool
  }

  /// What computes it.
  let method: any ConvolutionMethod

  private let pass: ConvolutionPass
  private let problem: ConvolutionProblem
  private let planner: Planner
  private let algorithm: ConvolutionAlgorithm
  /// Multiplications of the candidate that needs the fewest.
  private let leastMultiplications: Double
  private var reads: [Buffer] = []
  private var writes: [Buffer]
  private var sources: [Activation] = []
  private var destinations: [Activation] = []
  private var weight: () -> UnsafeMutableRawPointer = { fatalError("a convolution without a weight") }
  private var bias: () -> UnsafeMutablePointer<Float>? = { nil }
  private let scratch: Buffer

  /// Settles the method with the planner.
  ///
  /// - Parameter weightLayout: where the weight or its gradient lives, if that is settled.
  init(
    _ pass: ConvolutionPass, of problem: ConvolutionProblem, name: String, weightLayout: Layout?, _ planner: Planner
  ) {
    (self.pass, self.problem, self.planner) = (pass, problem, planner)
    var methods: [ConvolutionAlgorithm: any ConvolutionMethod] = [:]
    for algorithm in ConvolutionAlgorithm.allCases { methods[algorithm] = algorithm.method(pass, problem) }
    let fast = methods.filter { !$0.value.isReference }
    if !fast.isEmpty { methods = fast }
    let candidates = ConvolutionAlgorithm.allCases.compactMap { algorithm in
      methods[algorithm].map { method in
        AlgorithmChooser.Candidate(algorithm: algorithm, implementation: method.implementation) {
          ConvolutionRehearsal(pass, problem, method, weightLayout)
        }
      }
    }
    require(!candidates.isEmpty, "there is no \(pass.rawValue) convolution for \(problem.key)")
    algorithm = planner.algorithms.choose(pass, problem, among: candidates)
    guard let method = methods[algorithm] else { fatalError("\(algorithm) was no candidate") }
    self.method = method
    leastMultiplications = methods.values.map(\.multiplications).min() ?? 0
    scratch = planner.newBuffer("\(name) scratch", byteCount: method.scratchBytes)
    writes = [scratch]
  }

  /// Binds the weight that the pass reads.
  func read(weight: Buffer?, else address: @escaping () -> UnsafeMutableRawPointer) {
    if let weight { reads.append(weight) }
    self.weight = { weight?.base ?? address() }
  }

  /// Binds the bias that the pass reads.
  func read(bias: Buffer?, else address: @escaping () -> UnsafeMutablePointer<Float>) {
    if let bias { reads.append(bias) }
    self.bias = { bias?.floats ?? address() }
  }

  /// Binds the gradient of the weight.
  func write(weight target: GradientTarget) {
    writes += target.buffers
    weight = { target.destination }
  }

  /// Binds the gradient of the bias.
  func write(bias target: GradientTarget) {
    writes += target.buffers
    bias = { target.destination.assumingMemoryBound(to: Float.self) }
  }

  /// Binds the x of each map, or its gradient.
  ///
  /// `converted` holds copies that an earlier step made of buffers that have not changed since, and gets those of this one.
  func bind(sources buffers: [Buffer], converted: inout [ObjectIdentifier: Buffer]) {
    sources = buffers.map { bind($0, isRead: pass.readsSource, converted: &converted) }
  }

  /// Binds the y of each map, or its gradient.
  func bind(destinations buffers: [Buffer], converted: inout [ObjectIdentifier: Buffer]) {
    destinations = buffers.map { bind($0, isRead: pass.readsDestination, converted: &converted) }
  }

  private func bind(
    _ buffer: Buffer, isRead: Bool, converted: inout [ObjectIdentifier: Buffer]
  ) -> Activation {
    let isConverted = method.needsFloats && buffer.precision != .f32
    let known = isConverted && isRead ? converted[ObjectIdentifier(buffer)] : nil
    let bound =
      isConverted ? known ?? planner.newBuffer("\(buffer.label) converted", byteCount: buffer.count * 4) : buffer
    if isConverted && isRead { converted[ObjectIdentifier(buffer)] = bound }
    if isRead { reads += [buffer, bound] } else { writes += [buffer, bound] }
    return Activation(bound: bound, stored: buffer, isConverted: isConverted && known == nil)
  }

  /// The step of the pass; `finish` runs behind the method.
  func step(_ name: String, kind: String, finish: @escaping () -> Void = {}) -> Step {
    let (pass, method, sources, destinations) = (pass, method, sources, destinations)
    let (weight, bias, scratch) = (weight, bias, scratch)
    let read = (pass.readsSource ? sources : []) + (pass.readsDestination ? destinations : [])
    let written = (pass.writesSource ? sources : []) + (pass.writesDestination ? destinations : [])
    let (before, after) = (read.filter(\.isConverted), written.filter(\.isConverted))
    var memory: ConvolutionMemory?
    planner.whenPlaced {
      memory = ConvolutionMemory(
        sources: sources.map(\.bound.elements), destinations: destinations.map(\.bound.elements), weight: weight(),
        bias: bias(), scratch: scratch.base)
    }
    return Step(
      name, kind: kind, pass == .forward ? .forward : .backward,
      algorithm: "\(algorithm.rawValue) \(method.implementation)",
      floatingPointOperations: 2 * problem.multiplications, leastOperations: 2 * leastMultiplications,
      isReference: method.isReference, reads: reads, writes: writes
    ) { _ in
      guard let memory else { fatalError("\(name) was never placed") }
      for copy in before {
        ElementwiseKernel.copy(copy.stored.elements, copy.bound.elements, count: copy.stored.count)
      }
      method.run(memory)
      for copy in after {
        ElementwiseKernel.copy(copy.bound.elements, copy.stored.elements, count: copy.stored.count)
      }
      finish()
    }
  }
}
