import Tensors

extension Configuration {
  /// The losses of a detector, and those of the others.
  public struct Loss: ConfigurationSection {
    /// Weight of positive anchors in the focal loss, from 0 to 1.
    public var focalAlpha = 0.25
    /// Focusing exponent of the focal loss, from 0; paper 1.5, torchvision 2.
    public var focalGamma: Double
    /// Where the paper's Huber loss of a box coordinate turns linear, above 0; nil in torchvision's form, which uses L1.
    public var huberDelta: Double?
    /// Weight of the box loss in the sum, from 0; paper 50, torchvision 1.
    public var boxWeight: Double
    /// Whether the number of positive anchors, or of a segmentation's pixels that count, is one of a rank or of all ranks.
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
        ConfigurationKey("focal_alpha", "Weight of positive anchors in the focal loss.", \.focalAlpha, .from(0, to: 1)),
        ConfigurationKey("focal_gamma", "Focusing exponent of the focal loss.", \.focalGamma, .from(0, to: 10)),
        ConfigurationKey(
          "huber_delta", "Where the Huber loss of a box coordinate turns linear; null is the L1 loss.", \.huberDelta,
          .above(0)),
        ConfigurationKey("box_weight", "Weight of the box loss in the sum.", \.boxWeight, .from(0)),
        ConfigurationKey(
          "normalizer",
          """
          Whether the number of positive anchors, or of a segmentation's pixels that count, is that of each rank \
          or of all of them.
          """,
          \.normalizer),
        ConfigurationKey(
          "label_smoothing", "Share of a label that the loss spreads over all classes.", \.labelSmoothing,
          .from(0, to: 0.999)),
      ]
    }
  }
}
