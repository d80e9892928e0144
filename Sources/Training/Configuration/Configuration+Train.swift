import Distributed
import Tensors

extension Configuration {
  /// Length of the run and what happens periodically.
  public struct Train: ConfigurationSection {
    /// How long the run is.
    public var length: TrainingSpan
    /// Time between checkpoints; the last step always writes one.
    public var checkpointEvery = TrainingSpan.epochs(1)
    /// Newest checkpoints that stay, from 1; the best by AP, or by top-1, stays besides.
    public var keepCheckpoints = 3
    /// When the run is evaluated besides after its last step.
    public var evaluateEvery = EvaluationInterval.automatic
    /// Steps between progress lines and rows of metrics, from 1.
    public var logEvery = 10
    /// What a loss that is not finite does.
    public var nonFiniteLoss = NonFiniteLoss.stop
    /// Steps in a row that may be skipped because a loss was not finite, from 0; one more stops the run.
    public var maximumSkippedSteps = 10
    /// What output that cannot be written does: a full disk, a directory that is read-only or gone.
    public var writeFailure = WriteFailure.stop

    init(form: ModelForm) {
      switch form {
      case .paper: length = .epochs(150)
      case .torchvision: length = .epochs(26)
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("length", "How long the run is.", \.length),
        ConfigurationKey(
          "checkpoint_every", "Time between checkpoints; the last step always writes one.", \.checkpointEvery,
          mayChangeOnResume: true),
        ConfigurationKey(
          "keep_checkpoints", "Newest checkpoints that stay; the best stays besides.", \.keepCheckpoints,
          .from(1, to: 10_000), mayChangeOnResume: true),
        ConfigurationKey(
          "evaluate_every",
          """
          Time between evaluations, besides the one after the last step. auto is an epoch where there are at most \
          \(EvaluationInterval.fewImages) validation images, and no more than training images; else, and with null, \
          there is only that one.
          """,
          \.evaluateEvery, mayChangeOnResume: true),
        ConfigurationKey(
          "log_every", "Steps between progress lines and rows of metrics.", \.logEvery, .from(1),
          mayChangeOnResume: true),
        ConfigurationKey(
          "non_finite_loss",
          """
          What a loss that is not finite does: all ranks leave with code 76, or the step changes nothing and is \
          counted.
          """,
          \.nonFiniteLoss),
        ConfigurationKey(
          "max_skipped_steps", "Steps in a row that non_finite_loss: skip may skip; one more stops the run.",
          \.maximumSkippedSteps, .from(0), mayChangeOnResume: true),
        ConfigurationKey(
          "write_failure",
          """
          What output that cannot be written does: all ranks leave with code 73, or it is a warning and the next \
          checkpoint tries again.
          """,
          \.writeFailure, mayChangeOnResume: true),
      ]
    }
  }

  /// What a loss that is not finite does.
  public enum NonFiniteLoss: String, ConfigurationChoice, Sendable {
    /// All ranks leave with code 76.
    case stop
    /// The step changes nothing and is counted; too many in a row stop the run like `stop`.
    case skip
  }

  /// What output that cannot be written does while training goes on.
  public enum WriteFailure: String, ConfigurationChoice, Sendable {
    /// All ranks leave with code 73 in the step that finds out; the checkpoints that are there stay.
    case stop
    /// A warning; the next checkpoint or row is tried again. The last checkpoint must succeed all the same.
    case `continue`
  }

  /// Random numbers.
  public struct Random: ConfigurationSection {
    /// Seed of weights, order, augmentation and masks.
    public var seed: UInt64 = 1
    /// What separates the streams of masks.
    public var stream = RandomStream.rank

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("seed", "Seed of weights, order, augmentation and masks.", \.seed),
        ConfigurationKey(
          "stream",
          """
          What separates the streams of masks: the rank, or the sample's position in the global batch, so that \
          masks do not depend on the number of ranks.
          """,
          \.stream),
      ]
    }
  }

  /// What separates the streams of masks.
  public enum RandomStream: String, ConfigurationChoice, Sendable {
    /// The rank: independent streams, as on TPU cores.
    case rank
    /// The sample's position in the global batch: masks do not depend on the number of ranks.
    case sample
  }

  /// How the plan chooses algorithms.
  public struct Planner: ConfigurationSection {
    /// The source of the choice.
    public var algorithms = PlannerAlgorithms.timed
    /// What a job with several kinds of processors computes with.
    public var instructions = InstructionLevel.best

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "algorithms",
          """
          Where the method of each convolution comes from: timed on this machine, direct ones everywhere, or the \
          plan file of an earlier run.
          """,
          \.algorithms),
        ConfigurationKey(
          "isa", "What a job with several kinds of processors computes with: the best that each has, or AVX2 on all.",
          \.instructions),
      ]
    }
  }

  /// Where the algorithm of each operation comes from; in YAML `timed`, `direct` or the path of a plan file.
  public enum PlannerAlgorithms: Equatable, Sendable {
    /// Each candidate is timed on this machine.
    case timed
    /// Direct convolution everywhere.
    case direct
    /// A plan file that an earlier run wrote.
    case file(String)
  }

  /// The instructions that a run may use.
  public enum InstructionLevel: String, ConfigurationChoice, Sendable {
    /// The best that the processor has.
    case best
    /// AVX2, which all supported processors have: nodes with and without AVX-512 then compute alike.
    case avx2
  }

  /// Communication between ranks.
  public struct Distributed: ConfigurationSection {
    /// Bytes of gradients that travel together, from 1024.
    public var bucketBytes = 25_000_000
    /// Seconds that a rank waits for the others before it reports a stall and leaves with code 74, above 0.
    public var deadlineSeconds = 300.0
    /// Steps between comparisons of all ranks' states, which come before every checkpoint too; 0: never.
    public var sentinelEvery = 100

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("bucket_bytes", "Bytes of gradients that travel together.", \.bucketBytes, .from(1024)),
        ConfigurationKey(
          "deadline_seconds",
          "Seconds that a rank waits for the others before it reports a stall and leaves with code 74.",
          \.deadlineSeconds, .above(0), mayChangeOnResume: true),
        ConfigurationKey(
          "sentinel_every",
          "Steps between comparisons of all ranks' states, which come before every checkpoint too. 0 is never.",
          \.sentinelEvery, .from(0), mayChangeOnResume: true),
      ]
    }
  }
}

extension Configuration {
  /// The sum of gradients over ranks.
  public struct Allreduce: ConfigurationSection {
    /// How gradients travel; they are added as 32-bit floats in either case.
    public var precision = Precision.f32

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "precision", "How gradients travel between ranks; they are added as f32 in either case.", \.precision)
      ]
    }
  }
}

extension Configuration {
  /// How the gradients of all ranks become their sum.
  var gradientSummation: GradientSummation {
    switch allreduce.precision {
    case .f32: reproducible == .acrossRanks ? .fixedTree : .ring
    case .bf16: .halfPrecision
    }
  }
}

extension Configuration.PlannerAlgorithms: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "timed, direct or the path of a plan file" }

  init?(_ content: ConfigurationContent) {
    guard let text = content.text, !text.isEmpty else { return nil }
    switch text {
    case "timed": self = .timed
    case "direct": self = .direct
    default: self = .file(text)
    }
  }

  func mappingPaths(_ absolute: (String) throws -> String) rethrows -> Self {
    switch self {
    case .timed, .direct: self
    case .file(let path): .file(try absolute(path))
    }
  }

  var yaml: String {
    switch self {
    case .timed: "timed"
    case .direct: "direct"
    case .file(let path): path.yaml
    }
  }
}
