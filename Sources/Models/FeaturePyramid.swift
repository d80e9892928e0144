import Graph
import Tensors

/// The feature pyramid of RetinaNet: P3 to P7, or to P5 alone, with 256 channels, at strides 8 to 128.
///
/// P6 comes from P5 by a 3x3 convolution of stride 2, P7 from ReLU(P6). The paper's form pads these two as
/// TensorFlow's SAME and puts one batch-norm (no ReLU) on each level at the end.
public struct FeaturePyramid: Sendable {
  /// Whose details.
  public var form: ModelForm
  /// The normalisation of the levels in the paper's form.
  public var batchNorm: BatchNorm
  /// Channels of every level.
  public var channels = 256
  /// Whether there are P6 and P7.
  public var hasCoarseLevels = true
  /// How a level is brought to the size of the one below it.
  public var interpolation = Interpolation.nearest

  /// A pyramid.
  public init(form: ModelForm, batchNorm: BatchNorm) { (self.form, self.batchNorm) = (form, batchNorm) }

  /// The levels, P3 first, of the features C3 to C5; names start with `prefix`.
  public func callAsFunction(_ graph: Graph, _ features: [Value], prefix: String) -> [Value] {
    // Top-down: the coarsest lateral first, each finer one adds the upsampled sum above it.
    var sums: [Value] = []
    for (index, feature) in features.enumerated().reversed() {
      let lateral = convolution(graph, "\(prefix)inner_blocks.\(index).0", feature, kernel: 1)
      if let above = sums.first {
        sums.insert(graph.upsampleAdd("\(prefix)top_down.\(index)", above, lateral, interpolation), at: 0)
      } else {
        sums = [lateral]
      }
    }
    var levels = sums.enumerated().map { index, sum in
      convolution(graph, "\(prefix)layer_blocks.\(index).0", sum, kernel: 3)
    }
    if hasCoarseLevels {
      let p6 = convolution(graph, "\(prefix)extra_blocks.p6", levels[levels.count - 1], kernel: 3, stride: 2)
      let p7 = convolution(
        graph, "\(prefix)extra_blocks.p7", graph.relu("\(prefix)extra_blocks.relu", p6), kernel: 3, stride: 2)
      levels += [p6, p7]
    }
    switch form {
    case .torchvision: return levels
    case .paper:
      return zip(3..., levels).map { level, value in
        graph.batchNorm("\(prefix)bn.p\(level)", value, batchNorm, activation: .none)
      }
    }
  }

  private func convolution(
    _ graph: Graph, _ name: String, _ input: Value, kernel: Int, stride: Int = 1
  ) -> Value {
    let isSame = form == .paper && stride > 1
    return graph.convolution(
      name, input, channels: channels,
      isSame
        ? .same(kernel, stride: stride, on: input.shape) : .square(kernel, stride: stride, padding: kernel / 2),
      initializer: form == .paper ? .glorotUniform : .uniformFanIn, bias: .constant(0))
  }
}
