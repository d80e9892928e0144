import Tensors

/// One way of computing one pass of a convolution.
///
/// A method states what it wants (the form of the weight, floats or not, scratch memory) and runs. The planner times those that
/// `ConvolutionAlgorithm` offers and knows nothing else of them: a new method is one file and one case there.
protocol ConvolutionMethod: AnyObject {
  /// What tables call it behind the algorithm's name, such as oneDNN's "jit:avx2".
  var implementation: String { get }
  /// Whether it is a reference implementation: right, and a hundred times slower than others.
  var isReference: Bool { get }
  /// Multiplications of numbers in one run.
  var multiplications: Double { get }
  /// Whether activations that are stored as bfloat16 must be converted for it.
  var needsFloats: Bool { get }
  /// How it reads the weight; for a weight gradient the layout in which it leaves that.
  var weight: WeightForm { get }
  /// Bytes of memory that one run needs besides its arguments.
  var scratchBytes: Int { get }
  /// Computes.
  func run(_ memory: ConvolutionMemory)
}

extension ConvolutionMethod {
  var isReference: Bool { false }
  var needsFloats: Bool { false }
}

/// Where the arguments of a convolution pass lie.
struct ConvolutionMemory {
  /// x of each map, or its gradient where that is made.
  var sources: [Elements]
  /// y of each map, in backward passes its gradient.
  var destinations: [Elements]
  /// The weight in its form, or its gradient.
  var weight: UnsafeMutableRawPointer
  /// One float for each output channel: the bias or its gradient; nil where the pass has none.
  var bias: UnsafeMutablePointer<Float>?
  var scratch: UnsafeMutableRawPointer
}

/// How a method reads a weight: in a layout, or transformed from one.
struct WeightForm {
  let layout: Layout
  /// What is made of the weight in that layout before it is read.
  var transform: (any WeightTransform)?

  /// Bytes of the weight as it is read.
  var byteCount: Int { transform?.byteCount ?? layout.byteCount }
}

/// A rearrangement of a weight that no layout describes.
protocol WeightTransform {
  /// The same for transforms that make the same of a layout.
  var key: String { get }
  /// Bytes of the result.
  var byteCount: Int { get }
  /// Writes the result.
  func run(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>)
}

extension WeightTransform {
  /// The step that makes the transformed weight of one in a layout.
  func step(
    _ name: String, _ pass: Step.Pass, reads: [Buffer], to buffer: Buffer,
    from address: @escaping () -> UnsafePointer<Float>
  ) -> Step {
    Step(name, kind: "weight transform", pass, reads: reads, writes: [buffer]) { _ in
      run(address(), to: buffer.floats)
    }
  }
}

extension ConvolutionAlgorithm {
  /// The method for a pass, or nil where it is none for this convolution.
  func method(_ pass: ConvolutionPass, _ problem: ConvolutionProblem) -> (any ConvolutionMethod)? {
    switch self {
    case .direct: LibraryConvolution(pass, problem)
    case .winograd:
      pass == .backwardWeights ? WinogradWeightGradient(problem) : WinogradConvolution(pass, problem)
    case .products:
      switch pass {
      case .forward, .backwardData:
        problem.isDepthwise ? DepthwiseConvolution(pass, problem) : ProductConvolution(pass, problem)
      case .backwardWeights:
        if problem.isDepthwise {
          DepthwiseWeightGradient(problem)
        } else if problem.isBlocked {
          ProductWeightGradient(problem)
        } else {
          PlainWeightGradient(problem)
        }
      }
    }
  }
}
