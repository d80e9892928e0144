import Tensors

/// The three computations of a convolution.
enum ConvolutionPass: String, CaseIterable {
  case forward
  case backwardData = "backward data"
  case backwardWeights = "backward weights"

  /// Whether it reads x, and y's gradient.
  var readsSource: Bool { self != .backwardData }
  var readsDestination: Bool { self != .forward }
  /// Whether it writes the gradient of x, and y.
  var writesSource: Bool { !readsSource }
  var writesDestination: Bool { !readsDestination }
}

/// One weight applied to one or more maps at their shapes.
struct ConvolutionProblem {
  /// One activation and what is made of it.
  struct Map {
    let input: Shape
    let output: Shape
  }

  /// Maps of equal channels and batches that share the weight.
  var maps: [Map]
  /// (O, I / groups, rows, columns of the window).
  let weight: Shape
  let window: Window
  /// Groups of channels that see nothing of each other.
  let groups: Int
  private(set) var hasBias: Bool
  let activation: Activation
  /// What activations and their gradients are stored as.
  let precision: Precision
  /// What the result is stored as: floats where only the caller of the plan reads it.
  let outputPrecision: Precision
  /// Whether the result is added to what its memory holds, before the activation; forward only.
  var addsToResult = false
  let engine: Engine
  /// Whether the input is in blocks of channels, and not the images of the batch, which stay plain.
  let isBlocked: Bool

  /// The same without a bias.
  var withoutBias: ConvolutionProblem {
    var problem = self
    problem.hasBias = false
    return problem
  }

  /// What is read and written, in blocks of channels.
  var inputs: [BlockedShape] { maps.map { BlockedShape($0.input, channelBlock: engine.channelBlock) } }
  var outputs: [BlockedShape] { maps.map { BlockedShape($0.output, channelBlock: engine.channelBlock) } }

  /// (O, I, rows, columns), or (G, O / G, I / G, rows, columns): the weight as oneDNN describes it.
  var weightExtents: [Int] {
    let extents = [weight.n / groups, weight.c, weight.h, weight.w]
    return groups == 1 ? extents : [groups] + extents
  }

  /// Whether Winograd's tiles can compute it.
  var suitsWinograd: Bool {
    func suits(_ axis: WindowAxis) -> Bool {
      axis.length == 3 && axis.stride == 1 && axis.dilation == 1 && axis.before <= 2
    }
    return isBlocked && groups == 1 && suits(window.rows) && suits(window.columns)
  }

  /// The weight in blocks of channels, transformed or not.
  func weightForm(_ transform: (any WeightTransform)? = nil) -> WeightForm {
    WeightForm(layout: Layout(weight, .blockedWeight(engine.channelBlock)), transform: transform)
  }

  /// Floats of the bias in whole groups of sixteen channels.
  var paddedBiasCount: Int { (weight.n + 15) / 16 * 16 }

  /// What follows the sum of the forward pass, with the bias copied to where its padding is zero.
  func ending(
    _ bias: UnsafePointer<Float>?, copiedTo padded: UnsafeMutablePointer<Float>
  ) -> ConvolutionEnding {
    var ending = ConvolutionEnding(adds: addsToResult, rectifies: activation == .relu)
    if let bias {
      padded.update(repeating: 0, count: paddedBiasCount)
      padded.update(from: bias, count: weight.n)
      ending.bias = UnsafePointer(padded)
    }
    return ending
  }

  /// A pass in words, the same where the same algorithms can do the same work.
  func key(of pass: ConvolutionPass) -> String {
    "\(pass.rawValue) \(key)" + (pass == .backwardWeights && hasBias ? " biased" : "")
  }

  /// The convolution in words.
  var key: String {
    "\(maps.map { "\($0.input)" }.joined(separator: ",")) \(window)"
      + (groups == 1 ? "" : " groups \(groups)") + " -> \(maps.map { "\($0.output)" }.joined(separator: ","))"
      + (addsToResult ? " added" : "")
      // Images have up to four channels, other maps nearly always more.
      + (isBlocked == (weight.c * groups > 4) ? "" : isBlocked ? " blocked" : " plain")
  }

  /// Output pixels of the batch.
  var positions: Int { maps.reduce(0) { $0 + $1.output.n * $1.output.area } }

  /// Multiplications of one pass by the defining sum, those with padding included.
  var multiplications: Double { Double(positions * weight.n) * Double(weight.c * weight.area) }

  /// The layout of the bias and of its gradient.
  var biasLayout: Layout { Layout([weight.n], .plain) }
}
