extension Configuration {
  /// Images in a step, and who owns the number.
  public struct Batch: ConfigurationSection {
    /// The number of images, of one rank or of all.
    public var size: BatchSize
    /// Forward and backward passes whose gradients are added up before an update, from 1.
    public var accumulate = 1
    /// Images of a shard, the part of the global batch that is one pass of one rank with `reproducible: across_ranks`,
    /// from 1.
    public var perShard = 1

    /// Images of one rank in one pass; nil when the global number was given.
    public var perRank: Int? {
      get { if case .perRank(let images) = size { images } else { nil } }
      set { if let newValue { size = .perRank(newValue) } }
    }

    /// Images of all ranks and passes in one update; nil when the number of a rank was given.
    public var global: Int? {
      get { if case .global(let images) = size { images } else { nil } }
      set { if let newValue { size = .global(newValue) } }
    }

    init(form: ModelForm) {
      switch form {
      case .paper: size = .global(64)
      case .torchvision: size = .global(16)
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("per_rank", \.perRank, .from(1, to: 65_536), insteadOf: ["global"]),
        ConfigurationKey("global", \.global, .from(1, to: 1_048_576), insteadOf: ["per_rank"]),
        ConfigurationKey("accumulate", \.accumulate, .from(1, to: 65_536)),
        ConfigurationKey("per_shard", \.perShard, .from(1, to: 65_536)),
      ]
    }
  }

  /// A number of images with its owner.
  public enum BatchSize: Equatable, Sendable {
    /// Images of one rank in one pass.
    case perRank(Int)
    /// Images of all ranks and passes in one update.
    case global(Int)
  }

  /// Momentum and decay of stochastic gradient descent.
  public struct Optimizer: ConfigurationSection {
    /// Share of the accumulated gradient that a step keeps, from 0 and below 1.
    public var momentum = 0.9
    /// Whether the update looks ahead (Nesterov).
    public var isNesterov = false
    /// Pull towards zero on weights and biases, from 0; batch-norm's scale and shift are free of it.
    public var weightDecay = 1e-4

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("momentum", \.momentum, .from(0, to: 0.9999)),
        ConfigurationKey("nesterov", \.isNesterov),
        ConfigurationKey("weight_decay", \.weightDecay, .from(0, to: 1)),
      ]
    }
  }

  /// The learning rate over the steps.
  public struct LearningRate: ConfigurationSection {
    /// The rate after warmup at the reference batch, above 0.
    public var peak: Double
    /// Images in an update that the rates are stated for, from 1; other batches scale them in proportion; nil: never.
    public var referenceBatch: Int?
    /// How long the rate climbs in a straight line from `warmupStart` to `peak`.
    public var warmup: TrainingSpan
    /// The rate of the first step at the reference batch, from 0.
    public var warmupStart: Double
    /// What happens after warmup.
    public var schedule: LearningRateShape
    /// Where the rate changes, for `schedule: step`, counted from the first step of the run.
    public var boundaries: [TrainingSpan]
    /// The multiple of `peak` that holds from each boundary on, for `schedule: step`.
    public var factors: [Double]

    init(form: ModelForm) {
      schedule = .step
      factors = [0.1, 0.01]
      switch form {
      case .paper:
        (peak, referenceBatch, warmup, warmupStart) = (0.08, 64, .epochs(1), 0.008)
        boundaries = [.epochs(120), .epochs(140)]
      case .torchvision:
        (peak, referenceBatch, warmup, warmupStart) = (0.01, 16, .steps(1000), 1e-5)
        boundaries = [.epochs(16), .epochs(22)]
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("peak", \.peak, .above(0)),
        ConfigurationKey("reference_batch", \.referenceBatch, .from(1)),
        ConfigurationKey("warmup", \.warmup),
        ConfigurationKey("warmup_start", \.warmupStart, .from(0)),
        ConfigurationKey("schedule", \.schedule),
        ConfigurationKey("boundaries", \.boundaries),
        ConfigurationKey("factors", \.factors, .from(0)),
      ]
    }
  }

  /// What the learning rate does after warmup.
  public enum LearningRateShape: String, ConfigurationChoice, Sendable {
    /// Stays at the peak.
    case constant
    /// Changes at boundaries.
    case step
    /// Falls along half a cosine to 0 at the end of the run.
    case cosine
  }
}
