import Tensors

/// One pass of a convolution with its algorithm settled and its arguments bound to buffers.
///
/// Where the primitive computes in floats and the buffers hold bfloat16, the pass converts what it reads before and what
/// it writes after. Where all images are computed as one, it lays them side by side before. Where one image after the
/// other saves much of Winograd's scratch memory, it takes them so: a batch of 2 at 640 x 640 needs 163 MB instead of
/// 226 MB for the weight gradient of 819 class channels.
final class PlannedConvolutionPass {
  /// An activation in memory: the buffer that the primitive sees, and what it is converted from or to.
  private struct Activation {
    let argument: Int
    let bound: Buffer
    let stored: Buffer
    let isWritten: Bool
    /// Whether an earlier step has converted it already.
    let isReady: Bool
    /// The shape of images that are laid side by side.
    var merged: BlockedShape?

    var isConverted: Bool { bound !== stored }

    /// Fills what the primitive reads from its part of what is stored.
    func convert(from stored: Elements, count: Int) {
      if let merged {
        ImageMerging.merge(self.stored.floats, merged, to: bound.floats)
      } else {
        ElementwiseKernel.copy(stored, bound.elements, count: count)
      }
    }
  }

  private let pass: ConvolutionPass
  private let problem: ConvolutionProblem
  private let planner: Planner
  private let description: PrimitiveDescription
  private let algorithm: ConvolutionAlgorithm
  /// How the weight, the bias or the weight's gradient is expanded.
  let expansion: WeightExpansion?
  private let primitive: Primitive
  /// Executions of the primitive: 1, or one for each image.
  private let slices: Int
  private var reads: [Buffer] = []
  private var writes: [Buffer]
  private var activations: [Activation] = []
  /// Gradients that the images after the first one add to.
  private var sums: [(argument: Int, sum: () -> UnsafeMutableRawPointer, addend: Buffer)] = []

  /// Settles the algorithm with the planner and compiles the primitive.
  ///
  /// - Parameter weightLayout: where the weight or its gradient lives, if that is settled.
  init(
    _ pass: ConvolutionPass, of problem: ConvolutionProblem, name: String, weightLayout: Layout?, _ planner: Planner
  ) {
    (self.pass, self.problem, self.planner) = (pass, problem, planner)
    var descriptions: [ConvolutionAlgorithm: PrimitiveDescription] = [:]
    for algorithm in ConvolutionAlgorithm.allCases {
      descriptions[algorithm] = problem.description(pass, algorithm)
    }
    let candidates = ConvolutionAlgorithm.allCases.filter { descriptions[$0] != nil }
    require(!candidates.isEmpty, "oneDNN has no \(pass.rawValue) convolution for \(problem.key)")
    algorithm = planner.algorithms.choose(
      problem.key(of: pass), among: candidates, positions: problem.output.n * problem.output.area
    ) { algorithm in
      descriptions[algorithm].map { ConvolutionRehearsal(pass, problem, algorithm, $0, weightLayout) }
    }
    guard let whole = descriptions[algorithm] else { fatalError("\(algorithm) was no candidate") }
    expansion = algorithm == .expanded ? problem.expansion : nil
    let single = problem.input.n > 1 ? problem.ofOneImage.description(pass, algorithm) : nil
    if let single, whole.scratchBytes - single.scratchBytes > planner.scratchSaving {
      (description, slices) = (single, problem.input.n)
    } else {
      (description, slices) = (whole, 1)
    }
    primitive = Primitive(
      description, engine: planner.engine,
      arguments: pass.activations.map(\.argument) + pass.parameters(hasBias: problem.hasBias))
    let scratch = planner.newBuffer("\(name) scratch", byteCount: description.scratchBytes)
    writes = [scratch]
    planner.whenPlaced { [primitive] in primitive.place(COneDNNArguments.scratchpad, at: scratch.base) }
  }

  /// The layout that the primitive wants for an argument.
  func layout(_ argument: Int) -> Layout { description.layout(argument) }

  /// The layout of the weight or its gradient, before a weight is expanded and after a gradient is folded.
  var weightLayout: Layout {
    let argument = pass.parameters(hasBias: false)[0]
    return problem.weightLayout(algorithm) ?? layout(argument)
  }

  /// Binds a parameter that the pass reads.
  func read(_ argument: Int, reads: [Buffer], at address: @escaping () -> UnsafeMutableRawPointer) {
    self.reads += reads
    planner.whenPlaced { [primitive] in primitive.place(argument, at: address()) }
  }

  /// Binds the gradient of a parameter.
  func write(_ argument: Int, writes: [Buffer], at address: @escaping () -> UnsafeMutableRawPointer) {
    self.writes += writes
    planner.whenPlaced { [primitive] in primitive.place(argument, at: address()) }
    if slices == 1 { return }
    let addend = planner.newBuffer("addend of an image", byteCount: layout(argument).byteCount)
    self.writes.append(addend)
    sums.append((argument, address, addend))
  }

  /// Binds an activation that the pass reads.
  ///
  /// `converted` holds copies that an earlier step made of buffers that have not changed since, and gets those of this one.
  func read(_ argument: Int, _ buffer: Buffer, converted: inout [ObjectIdentifier: Buffer]) {
    let isShared = slices == 1 && algorithm != .merged
    let known = isShared ? converted[ObjectIdentifier(buffer)] : nil
    let activation = bind(argument, buffer, isWritten: false, known: known)
    if isShared && activation.isConverted { converted[ObjectIdentifier(buffer)] = activation.bound }
    reads += [buffer, activation.bound]
  }

  /// Binds the activation that the pass writes.
  func write(_ argument: Int, _ buffer: Buffer) {
    let activation = bind(argument, buffer, isWritten: true, known: nil)
    writes += [buffer, activation.bound]
  }

  private func bind(_ argument: Int, _ buffer: Buffer, isWritten: Bool, known: Buffer?) -> Activation {
    let merged = algorithm == .merged ? problem.activationShape(argument) : nil
    let isConverted = merged != nil || layout(argument).byteCount * slices > buffer.byteCount
    let bound =
      isConverted
      ? known ?? planner.newBuffer("\(buffer.label) converted", byteCount: layout(argument).byteCount) : buffer
    let activation = Activation(
      argument: argument, bound: bound, stored: buffer, isWritten: isWritten, isReady: isConverted && known != nil,
      merged: merged)
    activations.append(activation)
    planner.whenPlaced { [primitive] in primitive.place(argument, at: bound.base) }
    return activation
  }

  /// The step of the pass; `finish` runs behind the primitive.
  func step(_ name: String, kind: String, finish: @escaping () -> Void = {}) -> Step {
    let (primitive, engine, slices, activations, sums) = (primitive, planner.engine, slices, activations, sums)
    return Step(
      name, kind: kind, pass == .forward ? .forward : .backward,
      algorithm: "\(algorithm.rawValue) \(description.implementation)",
      floatingPointOperations: problem.floatingPointOperations, reads: reads, writes: writes
    ) { _ in
      for slice in 0..<slices {
        for activation in activations {
          let count = activation.stored.count / slices
          let stored = activation.stored.elements + slice * count
          if activation.isConverted {
            if activation.isWritten || activation.isReady { continue }
            activation.convert(from: stored, count: count)
          } else if slices > 1 {
            primitive.place(activation.argument, at: stored.base)
          }
        }
        for sum in sums { primitive.place(sum.argument, at: slice == 0 ? sum.sum() : sum.addend.base) }
        primitive.run(engine)
        for activation in activations where activation.isConverted && activation.isWritten {
          let count = activation.stored.count / slices
          ElementwiseKernel.copy(
            activation.bound.elements, activation.stored.elements + slice * count, count: count)
        }
        if slice == 0 { continue }
        for sum in sums {
          FlatKernel.accumulate(
            sum.sum().assumingMemoryBound(to: Float.self), sum.addend.floats, count: sum.addend.count)
        }
      }
      finish()
    }
  }
}
