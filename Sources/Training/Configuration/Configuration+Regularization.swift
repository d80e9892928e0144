extension Configuration {
  /// DropBlock in the backbone.
  public struct DropBlock: ConfigurationSection {
    /// Groups of the ResNet that it acts in, from 1 (conv2_x) to 4 (conv5_x); an empty list is none.
    public var groups: [Int]
    /// Side of a dropped block in pixels of the feature map, from 1; clamped to the map.
    public var blockSize = 7
    /// Share of a map that is kept at the end of the schedule, above 0 and at most 1.
    public var keepProbability = 0.9
    /// How the kept share gets there.
    public var schedule = DropBlockSchedule.linear
    /// Whether each group before the last drops a quarter of the next one's share (official code).
    public var isGroupScaled = true
    /// Which branches of a residual block it acts on.
    public var sites = DropBlockSites.convolutionsAndSkip
    /// Whether the kept values are scaled up by a rank's own share of kept values, or by that of all ranks.
    public var normalizer = Scope.local

    init(form: ModelForm) {
      switch form {
      case .paper: groups = [3, 4]
      case .torchvision: groups = []
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("groups", \.groups, .from(1, to: 4)),
        ConfigurationKey("block_size", \.blockSize, .from(1, to: 4096)),
        ConfigurationKey("keep_prob", \.keepProbability, .above(0, to: 1)),
        ConfigurationKey("schedule", \.schedule),
        ConfigurationKey("group_scaling", \.isGroupScaled),
        ConfigurationKey("sites", \.sites),
        ConfigurationKey("normalizer", \.normalizer),
      ]
    }
  }

  /// How the kept share moves over the steps.
  public enum DropBlockSchedule: String, ConfigurationChoice, Sendable {
    /// From 1 at the first step in a straight line to the target at the last.
    case linear
    /// The target at every step.
    case constant
  }

  /// The branches of a residual block that DropBlock acts on.
  public enum DropBlockSites: String, ConfigurationChoice, Sendable {
    /// After each convolution's batch-norm, and on the skip connection: the paper's best.
    case convolutionsAndSkip = "conv+skip"
    /// After each convolution's batch-norm only: the paper's ablation.
    case convolutions = "conv"
  }

  /// The losses of a detector, and that of a classifier.
  public struct Loss: ConfigurationSection {
    /// Weight of positive anchors in the focal loss, from 0 to 1.
    public var focalAlpha = 0.25
    /// Focusing exponent of the focal loss, from 0; paper 1.5, torchvision 2.
    public var focalGamma: Double
    /// Where the paper's Huber loss of a box coordinate turns linear, above 0; nil in torchvision's form, which uses L1.
    public var huberDelta: Double?
    /// Weight of the box loss in the sum, from 0; paper 50, torchvision 1.
    public var boxWeight: Double
    /// Whether the number of positive anchors is counted per rank or over all ranks.
    public var normalizer = Scope.local
    /// Share of a label that a classifier's loss spreads over all classes, from 0 to 0.999; paper 0 or 0.1.
    public var labelSmoothing = 0.0

    init(form: ModelForm) {
      switch form {
      case .paper: (focalGamma, huberDelta, boxWeight) = (1.5, 0.1, 50)
      case .torchvision: (focalGamma, huberDelta, boxWeight) = (2, nil, 1)
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey("focal_alpha", \.focalAlpha, .from(0, to: 1)),
        ConfigurationKey("focal_gamma", \.focalGamma, .from(0, to: 10)),
        ConfigurationKey("huber_delta", \.huberDelta, .above(0)),
        ConfigurationKey("box_weight", \.boxWeight, .from(0)),
        ConfigurationKey("normalizer", \.normalizer),
        ConfigurationKey("label_smoothing", \.labelSmoothing, .from(0, to: 0.999)),
      ]
    }
  }
}
