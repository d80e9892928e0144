/// How a convolution pass computes.
public enum ConvolutionAlgorithm: String, Codable, Sendable, CaseIterable {
  /// The defining sum, by oneDNN.
  case direct
  /// The defining sum as matrix products over the pixels of all images.
  case products
  /// Winograd's F(4x4, 3x3): a quarter of the multiplications, 3x3 kernels of stride 1 only.
  case winograd
}

/// Where the planner gets its algorithms from.
public enum AlgorithmPolicy: Sendable {
  /// Time each candidate that no known choice settles.
  case timed
  /// Winograd on large maps and the defining sum on small ones, by a rule: for plans that run too seldom to be timed.
  case estimated
  /// One algorithm wherever there is an implementation, the defining sum elsewhere.
  case only(ConvolutionAlgorithm)

  /// Always the defining sum.
  public static let direct = AlgorithmPolicy.only(.direct)
  /// Winograd wherever there is an implementation; for tests.
  public static let winograd = AlgorithmPolicy.only(.winograd)
}

/// The chosen algorithm of every convolution, pass and shape, so that all ranks and all restarts compute alike.
public struct AlgorithmChoices: Codable, Equatable, Sendable {
  /// Raised when there are other candidates, or when some become faster: choices that were timed before are timed again.
  public static let version = 3

  /// The choice for each key that describes a pass of a convolution.
  public var choices: [String: ConvolutionAlgorithm]
  /// The version that made them: what a name stands for may be another method in others.
  private let version: Int

  /// Choices made elsewhere, or none yet.
  public init(_ choices: [String: ConvolutionAlgorithm] = [:]) { (self.choices, version) = (choices, Self.version) }

  /// Choices of this version; throws for those of another one.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    version = try values.decode(Int.self, forKey: .version)
    guard version == Self.version else {
      throw DecodingError.dataCorruptedError(
        forKey: .version, in: values, debugDescription: "expected version \(Self.version), got \(version)")
    }
    choices = try values.decode([String: ConvolutionAlgorithm].self, forKey: .choices)
  }
}
