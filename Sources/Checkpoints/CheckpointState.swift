/// Where a training run stands, as `state.json` of a checkpoint set holds it.
///
/// With the tensors beside it this is everything a restart needs; it holds no time of day, so that equal runs write
/// equal bytes.
public struct CheckpointState: Codable, Equatable, Sendable {
  /// The format that this package writes.
  public static let currentFormatVersion = 1
  /// The last step that a run can have done: masks are numbered by 32 bits.
  static let largestStep = Int(UInt32.max)

  /// The format of the set.
  public private(set) var formatVersion = currentFormatVersion
  /// Optimizer steps done, from 0.
  public var step: Int
  /// Whole passes over the training data that are done.
  public var epoch: Int
  /// Samples of the current pass that are used, over all ranks.
  public var positionInEpoch: Int
  /// The seed of the run.
  public var seed: UInt64
  /// Ranks that wrote the set together.
  public var worldSize: Int
  /// The resolved configuration, opaque to this target.
  public var configuration: String
  /// The evaluated figure of these weights, larger is better; nil when they were not evaluated.
  public var metric: Double?
  /// The largest figure of the run so far.
  public var bestMetric: Double?
  /// The step that `bestMetric` belongs to.
  public var bestStep: Int?
  /// Further facts of the trainer, by name.
  public var extra: [String: String]

  /// A state with everything said.
  public init(
    step: Int, epoch: Int = 0, positionInEpoch: Int = 0, seed: UInt64 = 0, worldSize: Int = 1,
    configuration: String = "", metric: Double? = nil, bestMetric: Double? = nil, bestStep: Int? = nil,
    extra: [String: String] = [:]
  ) {
    self.step = step
    self.epoch = epoch
    self.positionInEpoch = positionInEpoch
    self.seed = seed
    self.worldSize = worldSize
    self.configuration = configuration
    self.metric = metric
    self.bestMetric = bestMetric
    self.bestStep = bestStep
    self.extra = extra
  }
}
