import Tensors

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
        ConfigurationKey(
          "per_rank", "Images of one rank in one pass. Either this or batch.global.", \.perRank, .from(1, to: 65_536),
          insteadOf: ["global"]),
        ConfigurationKey(
          "global", "Images of all ranks and passes in one update. Either this or batch.per_rank.", \.global,
          .from(1, to: 1_048_576), insteadOf: ["per_rank"]),
        ConfigurationKey(
          "accumulate", "Forward and backward passes whose gradients are added up before an update.", \.accumulate,
          .from(1, to: 65_536)),
        ConfigurationKey(
          "per_shard",
          "Images of a shard, which is one pass of one rank with reproducible: across_ranks.", \.perShard,
          .from(1, to: 65_536)),
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

  /// How the weights follow their gradients.
  public struct Optimizer: ConfigurationSection {
    /// The rule.
    public var kind = OptimizerKind.momentum
    /// Share of the accumulated gradient that a step keeps, from 0 and below 1; Adam's first beta.
    public var momentum = 0.9
    /// Whether the update looks ahead (Nesterov), for `kind: momentum`.
    public var isNesterov = false
    /// Pull towards zero on weights and biases, from 0; batch-norm's scale and shift are free of it, with LARS biases too.
    public var weightDecay = 1e-4
    /// Share of the mean of squared gradients that a step keeps, from 0 and below 1: RMSProp's rho, Adam's second beta; nil is
    /// 0.9 for RMSProp and 0.999 for Adam.
    public var squareDecay: Double?
    /// Keeps the division by the root of that mean finite, above 0; Keras' value.
    public var epsilon = 1e-7
    /// The share of a layer's weight norm that LARS moves by, above 0; the paper's.
    public var trustCoefficient = 0.001
    /// Share of the averaged weights that a step keeps, above 0 and below 1; evaluations then use the averages; nil: none.
    public var averageDecay: Double?

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("kind", "The rule by which weights follow their gradients.", \.kind),
        ConfigurationKey(
          "momentum", "Share of the accumulated gradient that a step keeps; Adam's first beta.", \.momentum,
          .from(0, to: 0.9999)),
        ConfigurationKey("nesterov", "Whether the update looks ahead, with kind: momentum.", \.isNesterov),
        ConfigurationKey(
          "weight_decay",
          """
          Pull towards zero on weights and biases; batch-norm's scale and shift are free of it, with LARS biases \
          too.
          """,
          \.weightDecay, .from(0, to: 1)),
        ConfigurationKey(
          "square_decay",
          """
          Share of the mean of squared gradients that a step keeps: RMSProp's rho, Adam's second beta. null is \
          0.9 for RMSProp and 0.999 for Adam.
          """,
          \.squareDecay, .from(0, to: 0.999_999)),
        ConfigurationKey(
          "epsilon", "Keeps divisions by the root of the mean of squared gradients finite: RMSProp and Adam.",
          \.epsilon, .above(0, to: 10)),
        ConfigurationKey(
          "trust_coefficient", "Share of a layer's weight norm that LARS moves by.", \.trustCoefficient,
          .above(0, to: 1)),
        ConfigurationKey(
          "average_decay",
          "Share of the averaged weights that a step keeps; evaluation then uses the averages. null is none.",
          \.averageDecay, .above(0, to: 0.999_999_9)),
      ]
    }
  }

  /// How the weights follow their gradients.
  public enum OptimizerKind: String, ConfigurationChoice, Sendable {
    /// Stochastic gradient descent with momentum: the paper's.
    case momentum
    /// Divides by the root of a running mean of squares (Hinton), with momentum, in TensorFlow's form.
    case rmsProp = "rmsprop"
    /// Running means of gradients and their squares (Kingma and Ba).
    case adam
    /// A rate for each layer in proportion to its weights (You, Gitman and Ginsburg), for very large batches.
    case lars
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
    /// What the rate is multiplied with after each `decayEvery`, for `schedule: exponential`, above 0 and at most 1.
    public var decayFactor = 0.97
    /// The length of a stair of `schedule: exponential`, counted from the first step of the run.
    public var decayEvery = TrainingSpan.epochs(1)
    /// The exponent of `schedule: polynomial`, above 0; 2 is that of LARS.
    public var power = 2.0

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
        ConfigurationKey("peak", "The rate after warmup at the reference batch.", \.peak, .above(0)),
        ConfigurationKey(
          "reference_batch",
          """
          Images in an update that the rates are stated for; another batch scales them in proportion. null is \
          never.
          """,
          \.referenceBatch, .from(1)),
        ConfigurationKey("warmup", "How long the rate climbs in a straight line from warmup_start to peak.", \.warmup),
        ConfigurationKey("warmup_start", "The rate of the first step at the reference batch.", \.warmupStart, .from(0)),
        ConfigurationKey(
          "schedule",
          """
          What the rate does after warmup: stays, changes at boundaries (step), falls along half a cosine to 0, \
          in stairs (exponential), or as a power of what is left.
          """,
          \.schedule),
        ConfigurationKey(
          "boundaries", "Where the rate changes with schedule: step, counted from the first step of the run.",
          \.boundaries),
        ConfigurationKey(
          "factors", "The multiple of the peak from each boundary on, with schedule: step.", \.factors, .from(0)),
        ConfigurationKey(
          "decay_factor", "What the rate is multiplied with at each stair of schedule: exponential.", \.decayFactor,
          .above(0, to: 1)),
        ConfigurationKey(
          "decay_every", "The length of a stair of schedule: exponential, counted from the first step of the run.",
          \.decayEvery),
        ConfigurationKey(
          "power", "The exponent of schedule: polynomial; 2 is that of LARS.", \.power, .above(0, to: 10)),
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
    /// Falls by a factor at even distances.
    case exponential
    /// Falls to 0 at the end of the run as a power of what is left.
    case polynomial
  }
}
