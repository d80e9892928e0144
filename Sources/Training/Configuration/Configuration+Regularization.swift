import Regularization
import Tensors

extension Configuration {
  /// DropBlock.
  public struct DropBlock: ConfigurationSection {
    /// Groups that it acts in: of the trunk from 1 to 4, in a ResNet conv2_x to conv5_x, and `head`; an empty list is none.
    public var groups: [MaskGroup]
    /// Side of a dropped block in pixels of the feature map, from 1; clamped to the map.
    public var blockSize = 7
    /// Share of a map that is kept at the end of the schedule, above 0 and at most 1.
    public var keepProbability = 0.9
    /// How the kept share gets there.
    public var schedule = DropSchedule.linear
    /// Whether each group before the last drops a quarter of the next one's share (official code).
    public var isGroupScaled = true
    /// Which branches of a residual block it acts on.
    public var sites = DropSites.convolutionsAndSkip
    /// Whether the kept values are scaled up by a rank's own share of kept values, or by that of all ranks.
    public var normalizer = Scope.local
    /// Whose DropBlock it is: the paper's, or one that was published elsewhere, with its defects.
    public var mode = DropBlockMode.paper
    /// Whether all channels of a sample have the same mask.
    public var isShared = false
    /// Whether blocks start often enough for the exact share, overlapping blocks counted once; with the paper's mode only.
    public var isCalibrated = false

    init(form: ModelForm) {
      switch form {
      case .paper: groups = [3, 4]
      case .torchvision: groups = []
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "groups",
          """
          Groups in which DropBlock acts: 1 to 4 are a ResNet's conv2_x to conv5_x, or the parts of another \
          trunk, head is a detector's pyramid or a segmentation's head. [] is off.
          """,
          \.groups, .from(1, to: 4)),
        ConfigurationKey(
          "block_size", "Side of a dropped block in pixels of the feature map; clamped to the map.", \.blockSize,
          .from(1, to: 4096)),
        ConfigurationKey(
          "keep_prob",
          "Share of a map that is kept at the end of the schedule.", \.keepProbability, .above(0, to: 1)),
        ConfigurationKey(
          "schedule",
          """
          How the kept share gets there from 1: in a straight line by the step or by the epoch, or it is there \
          from the first step.
          """,
          \.schedule),
        ConfigurationKey(
          "group_scaling", "Whether each group before the last drops a quarter of the next one's share.",
          \.isGroupScaled),
        ConfigurationKey(
          "sites",
          """
          Whether it acts behind the batch-norm of each convolution and on skip connections, or behind \
          convolutions alone.
          """,
          \.sites),
        ConfigurationKey(
          "normalizer",
          "Whether kept values are scaled up by each rank's own share of kept values, or by that of all ranks.",
          \.normalizer),
        ConfigurationKey(
          "mode",
          "Whose DropBlock it is: the paper's, or one that was published elsewhere, with its defects.", \.mode),
        ConfigurationKey("shared_mask", "Whether all channels of a sample have the same mask.", \.isShared),
        ConfigurationKey(
          "calibrated",
          "Whether blocks start often enough for the exact share, overlaps counted once; with mode: paper only.",
          \.isCalibrated),
      ]
    }
  }

  /// Dropout of single elements, and SpatialDropout of whole channels: each has a section of this kind.
  public struct Dropout: ConfigurationSection {
    /// Groups that it acts in, as `dropblock.groups`; an empty list is none.
    public var groups: [MaskGroup] = []
    /// Share that is kept at the end of the schedule, above 0 and at most 1; the paper's best is 0.7 for Dropout.
    public var keepProbability = 0.9
    /// How the kept share gets there.
    public var schedule = DropSchedule.constant
    /// Whether each group before the last drops a quarter of the next one's share.
    public var isGroupScaled = false
    /// Which branches of a residual block it acts on.
    public var sites = DropSites.convolutions

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "groups", "Groups in which it acts, as dropblock.groups. [] is off.", \.groups, .from(1, to: 4)),
        ConfigurationKey(
          "keep_prob", "Share that is kept at the end of the schedule.", \.keepProbability, .above(0, to: 1)),
        ConfigurationKey("schedule", "How the kept share gets there, as dropblock.schedule.", \.schedule),
        ConfigurationKey(
          "group_scaling", "Whether each group before the last drops a quarter of the next one's share.",
          \.isGroupScaled),
        ConfigurationKey("sites", "Where it acts, as dropblock.sites.", \.sites),
      ]
    }
  }

  /// DropPath, which drops the branch of a block for a whole sample, and ScheduledDropPath.
  ///
  /// The forms of ScheduledDropPath: the first is the linear schedule, the second `depth_scaling` with a constant one, the
  /// third both.
  public struct DropPath: ConfigurationSection {
    /// Groups that it acts in, as `dropblock.groups`; an empty list is none.
    public var groups: [MaskGroup] = []
    /// Share of samples that keep a branch at the end of the schedule, above 0 and at most 1.
    public var keepProbability = 0.9
    /// How the kept share gets there.
    public var schedule = DropSchedule.linear
    /// Whether each group before the last drops a quarter of the next one's share.
    public var isGroupScaled = false
    /// Whether block k of n blocks drops k/n of the share.
    public var isDepthScaled = false

    init(form: ModelForm) {}

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "groups", "Groups in which it acts, as dropblock.groups. [] is off.", \.groups, .from(1, to: 4)),
        ConfigurationKey(
          "keep_prob", "Share of samples that keep a branch at the end of the schedule.", \.keepProbability,
          .above(0, to: 1)),
        ConfigurationKey("schedule", "How the kept share gets there, as dropblock.schedule.", \.schedule),
        ConfigurationKey(
          "group_scaling", "Whether each group before the last drops a quarter of the next one's share.",
          \.isGroupScaled),
        ConfigurationKey("depth_scaling", "Whether block k of n drops k/n of the share.", \.isDepthScaled),
      ]
    }
  }

  /// How the kept share moves over the steps.
  public enum DropSchedule: String, ConfigurationChoice, Sendable {
    /// From 1 at the first step in a straight line to the target, which would be that of the step behind the last.
    case linear
    /// The target at every step.
    case constant
    /// The straight line, taken at the first step of each epoch.
    case linearByEpoch = "linear_by_epoch"
  }

  /// The branches of a residual block that a regulariser acts on.
  public enum DropSites: String, ConfigurationChoice, Sendable {
    /// After each convolution's batch-norm, and on the skip connection: the paper's best for DropBlock.
    case convolutionsAndSkip = "conv+skip"
    /// After each convolution's batch-norm only: the paper's other regularisers, and its ablation.
    case convolutions = "conv"
  }
}

extension MaskGroup: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "a whole number\(limits) or head" }

  init?(_ content: ConfigurationContent) {
    guard let text = content.text else { return nil }
    self.init(text)
  }

  var yaml: String { description }
  var numbers: [Double] {
    switch self {
    case .trunk(let number): [Double(number)]
    case .head: []
    }
  }
}
