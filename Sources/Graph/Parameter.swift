import Tensors

/// The place of a parameter in its graph.
public struct ParameterID: Hashable, Sendable {
  let index: Int
}

/// A named tensor of a model that lives longer than a step.
public struct Parameter: Sendable {
  /// What the tensor is for, which settles where it lives and who changes it.
  public enum Role: Hashable, Sendable {
    /// Learned by gradient descent, with or without weight decay.
    case trained(decay: Bool)
    /// Never changed by training.
    case frozen
    /// A running mean or variance that the forward pass of training updates.
    case runningStatistic
  }

  /// The values before training.
  public enum Initializer: Hashable, Sendable {
    /// One value everywhere.
    case constant(Float)
    /// N(0, deviation).
    case normal(deviation: Float)
    /// N(0, 2 / fan out): He et al. 2015, as torchvision initialises its ResNet.
    case heFanOut
    /// Truncated at two deviations with variance 1 / fan in: TensorFlow's `variance_scaling` of scale 1.
    case truncatedFanIn
    /// The same with variance 1 / fan out of one of so many groups: TensorFlow's with `mode: fan_out`.
    case truncatedFanOut(groups: Int)
    /// U(-a, a) with a = sqrt(3 / fan in): PyTorch's `kaiming_uniform_` with a = 1.
    case uniformFanIn
    /// U(-a, a) with a = sqrt(6 / (fan in + fan out)): Glorot and Bengio 2010, TensorFlow's default.
    case glorotUniform
    /// U(-bound, bound).
    case uniform(bound: Float)
  }

  /// The name in checkpoints, torchvision's where torchvision has the model.
  public let name: String
  /// (O, I, H, W) of a weight, (1, C, 1, 1) of a vector.
  public let shape: Shape
  /// Whether the canonical tensor has one extent, C, instead of four.
  public let isVector: Bool
  /// What it is for.
  public let role: Role
  /// Its values before training.
  public let initializer: Initializer

  /// A convolution weight (O, I, H, W).
  public static func weight(_ name: String, _ shape: Shape, role: Role, _ initializer: Initializer) -> Parameter {
    Parameter(name: name, shape: shape, isVector: false, role: role, initializer: initializer)
  }

  /// A vector of one value a channel.
  public static func vector(_ name: String, channels: Int, role: Role, _ initializer: Initializer) -> Parameter {
    Parameter(name: name, shape: Shape(1, channels, 1, 1), isVector: true, role: role, initializer: initializer)
  }

  /// The canonical extents: [O, I, H, W] or [C].
  public var extents: [Int] { isVector ? [shape.c] : [shape.n, shape.c, shape.h, shape.w] }

  /// Values of a freshly initialised model in canonical order; a pure function of the seed and the name.
  public func initialValues(seed: UInt64) -> [Float] {
    var values = [Float](repeating: 0, count: shape.count)
    let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
    var random = RandomSequence(Philox(seed: seed, stream: hash), 0, 0, 0x494e_4954)
    let fanIn = Float(shape.c * shape.h * shape.w)
    let fanOut = Float(shape.n * shape.h * shape.w)
    switch initializer {
    case .constant(let value):
      for index in values.indices { values[index] = value }
    case .normal(let deviation):
      for index in values.indices { values[index] = deviation * random.normal() }
    case .heFanOut:
      let deviation = (2 / fanOut).squareRoot()
      for index in values.indices { values[index] = deviation * random.normal() }
    case .truncatedFanIn, .truncatedFanOut:
      var fan = fanIn
      if case .truncatedFanOut(let groups) = initializer { fan = fanOut / Float(groups) }
      // The deviation of a normal cut at two deviations is 0.8796 of the uncut one.
      let deviation = (1 / fan).squareRoot() / 0.879_625_66
      for index in values.indices {
        var draw = random.normal()
        while abs(draw) > 2 { draw = random.normal() }
        values[index] = deviation * draw
      }
    case .uniformFanIn, .glorotUniform:
      let bound = (initializer == .uniformFanIn ? 3 / fanIn : 6 / (fanIn + fanOut)).squareRoot()
      for index in values.indices { values[index] = bound * (2 * random.uniform() - 1) }
    case .uniform(let bound):
      for index in values.indices { values[index] = bound * (2 * random.uniform() - 1) }
    }
    return values
  }
}
