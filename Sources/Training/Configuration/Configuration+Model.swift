import Models
import Tensors

extension Configuration {
  /// Which network, and what it starts from.
  public struct Model: ConfigurationSection {
    /// The network.
    public var name = ModelName.retinaNet
    /// Whose published details it follows: heads, anchors, matching, losses, padding.
    public var form: ModelForm
    /// Depth of the ResNet backbone; retinanet, segmentation and resnet only.
    public var depth = ResNetDepth.resNet50
    /// Which convolution of a bottleneck has its stride; retinanet and resnet of depth 50 or 101 only.
    public var stridePlacement = StridePlacement.secondConvolution
    /// Outputs of the classifier, in a detector for an anchor, in a segmentation for a pixel, from 1.
    ///
    /// Paper's form: COCO's 90; torchvision's: raw ids, 91; the study's networks: 10; segmentation: PASCAL VOC's 21; amoebanet:
    /// ImageNet's 1000.
    public var classes: Int
    /// A `.safetensors` file, checkpoint set or run directory to start from; nil is random.
    public var initialWeights: String?
    /// Whether the first convolution is trained; the official detector never does; retinanet, segmentation and resnet only.
    public var isStemTrainable = true
    /// Stages of the backbone that are trained, counted from the last, 0 to 5; 5 is all of it, with the stem; retinanet,
    /// segmentation and resnet only.
    public var trainableLayers = 5
    /// Normal cells, a multiple of 3, from 3; amoebanet only.
    public var cells = 18
    /// Channels of a state in the first third of the cells, a multiple of 64, or of 16 with `stem: small`; amoebanet only.
    public var filters = 256
    /// What stands in front of the cells; amoebanet only.
    public var stem = AmoebaNet.Stem.imageNet
    /// Share of the pooled features that training keeps in front of the fully connected layer, above 0; amoebanet only.
    public var keepProbability = 0.5
    /// Weight of the auxiliary head's loss, from 0, which is none; amoebanet only.
    public var auxiliaryWeight = 0.4

    init(form: ModelForm) {
      self.form = form
      switch form {
      case .paper: classes = 90
      case .torchvision: classes = 91
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "name",
          """
          The network: a RetinaNet, the paper's segmentation, ResNet and AmoebaNet-B classifiers, or the three \
          networks of the CIFAR-10 and MNIST study.
          """,
          \.name),
        ConfigurationKey(
          "form",
          """
          Whose published details are followed: heads, anchors, matching, losses, padding and initial weights of \
          the paper's official code, or torchvision's.
          """,
          \.form),
        ConfigurationKey("depth", "Layers of the ResNet.", \.depth).idle(\.reasonWithoutBackbone),
        ConfigurationKey(
          "stride_placement", "Which convolution of a bottleneck has its stride: 3x3 is v1.5, 1x1 is v1.",
          \.stridePlacement
        ).idle(\.reasonWithoutBottlenecks),
        ConfigurationKey(
          "classes",
          "Outputs: of a detector for an anchor, of a segmentation for a pixel, of a classifier for an image.",
          \.classes, .from(1, to: 100_000)),
        ConfigurationKey(
          path: "initial_weights",
          "A .safetensors file, checkpoint set or run directory whose weights training starts from; null is random.",
          \.initialWeights, mayChangeOnResume: true),
        ConfigurationKey(
          "stem_trainable", "Whether the first convolution is trained; the official detector never does.",
          \.isStemTrainable
        ).idle(\.reasonWithoutBackbone),
        ConfigurationKey(
          "trainable_layers",
          "Stages of the backbone that are trained, counted from the last; 5 is all of it, with the stem.",
          \.trainableLayers, .from(0, to: 5)
        ).idle(\.reasonWithoutBackbone),
        ConfigurationKey("cells", "Normal cells, a multiple of 3.", \.cells, .from(3, to: 300)).idle(
          \.reasonWithoutCells),
        ConfigurationKey(
          "filters", "Channels of a state in the first third of the cells, a multiple of 64, with stem: small of 16.",
          \.filters, .from(16, to: 4096)
        ).idle(\.reasonWithoutCells),
        ConfigurationKey(
          "stem",
          """
          What stands in front of the cells: ImageNet's three reductions, or one convolution for images of 32 \
          pixels.
          """,
          \.stem
        ).idle(\.reasonWithoutCells),
        ConfigurationKey(
          "keep_prob", "Share of the pooled features that Dropout keeps in front of the fully connected layer.",
          \.keepProbability, .above(0, to: 1)
        ).idle(\.reasonWithoutCells),
        ConfigurationKey(
          "auxiliary_weight", "Weight of the auxiliary head's loss; 0 is no such head.", \.auxiliaryWeight,
          .from(0, to: 10)
        ).idle(\.reasonWithoutCells),
      ]
    }

    /// Why the network has no options of a ResNet backbone; nil where it has.
    private var reasonWithoutBackbone: String? {
      name.hasResNetTrunk ? nil : reasonWithoutOption
    }

    /// Why the network has no options of AmoebaNet's cells; nil where it has.
    private var reasonWithoutCells: String? { name == .amoebaNet ? nil : reasonWithoutOption }

    private var reasonWithoutOption: String { "model.name \(name.rawValue) has no such option; remove this key" }

    /// Why the network has no bottlenecks with a choice; nil where it has.
    private var reasonWithoutBottlenecks: String? {
      if let reason = reasonWithoutBackbone { return reason }
      return switch depth {
      case .resNet18, .resNet34: "blocks of depth \(depth.rawValue) have no 1x1 convolution to choose; remove this key"
      case .resNet50, .resNet101: nil
      }
    }
  }

  /// The networks that can be trained.
  public enum ModelName: String, ConfigurationChoice, Sendable {
    /// One-stage detector with focal loss.
    case retinaNet = "retinanet"
    /// Semantic segmentation of the DropBlock paper.
    case segmentation
    /// Image classifier of the DropBlock paper.
    case resNet = "resnet"
    /// Image classifier of the DropBlock paper, found by evolution.
    case amoebaNet = "amoebanet"
    /// ResNet-50 of the CIFAR-10 and MNIST study.
    case kerasResNet = "resnet_keras"
    /// DenseNet-121 of the CIFAR-10 and MNIST study.
    case denseNet = "densenet"
    /// The small network of the CIFAR-10 and MNIST study.
    case customNet = "customnet"

    /// What it is trained to do.
    var task: TaskKind {
      switch self {
      case .retinaNet: .detector
      case .segmentation: .segmenter
      case .resNet, .amoebaNet, .kerasResNet, .denseNet, .customNet: .classifier
      }
    }

    /// Whether its trunk is a ResNet with a choice of depths.
    var hasResNetTrunk: Bool {
      switch self {
      case .retinaNet, .segmentation, .resNet: true
      case .amoebaNet, .kerasResNet, .denseNet, .customNet: false
      }
    }

    /// Puts the network's own defaults in the place of its form's: those of the study are Keras'.
    func setDefaults(of configuration: inout Configuration) {
      switch self {
      case .retinaNet, .resNet: break
      case .segmentation: (configuration.model.classes, configuration.dropBlock.groups) = (21, [])
      case .amoebaNet:
        (configuration.model.classes, configuration.dropBlock.groups) = (1000, [])
        (configuration.batchNorm.decay, configuration.batchNorm.epsilon) = (0.9, 1e-5)
      case .kerasResNet, .denseNet, .customNet:
        (configuration.model.classes, configuration.dropBlock.groups) = (10, [])
        (configuration.batchNorm.decay, configuration.batchNorm.epsilon) = (0.99, 1e-3)
      }
    }
  }

  /// Batch normalisation.
  public struct BatchNorm: ConfigurationSection {
    /// Whether statistics come from the batch, or never change.
    public var mode = BatchNormMode.trained
    /// Whether a batch's statistics are taken per rank or over all ranks.
    public var statistics = Scope.local
    /// Share of the running value that a step keeps, from 0 to 1; paper 0.997, torchvision 0.9.
    public var decay: Double
    /// Added to the variance, from 0; paper 1e-4, torchvision 1e-5 (its published COCO weights: 0).
    public var epsilon: Double

    init(form: ModelForm) {
      switch form {
      case .paper: (decay, epsilon) = (0.997, 1e-4)
      case .torchvision: (decay, epsilon) = (0.9, 1e-5)
      }
    }

    static var keys: [ConfigurationKey<Self>] {
      [
        ConfigurationKey(
          "mode",
          "Whether batch-norm normalises by the batch and learns, or applies stored statistics, scale and shift.",
          \.mode),
        ConfigurationKey(
          "statistics", "Whether a batch's statistics are taken over each rank or over all of them.", \.statistics),
        ConfigurationKey("decay", "Share of the running statistics that a step keeps.", \.decay, .from(0, to: 1)),
        ConfigurationKey(
          "epsilon",
          "Added to the variance. torchvision's published COCO weights need 0.", \.epsilon, .from(0, to: 1)),
      ]
    }
  }

  /// What batch normalisation does in training.
  public enum BatchNormMode: String, ConfigurationChoice, Sendable {
    /// Normalises by the batch, learns scale and shift, keeps running statistics.
    case trained
    /// Applies stored statistics, scale and shift; nothing is learnt.
    case frozen
  }
}

extension ModelForm: ConfigurationChoice {}
extension StridePlacement: ConfigurationChoice {}
extension AmoebaNet.Stem: ConfigurationChoice {}

extension ResNetDepth: ConfigurationValue {
  static func expectation(_ limits: String) -> String { "18, 34, 50 or 101" }

  init?(_ content: ConfigurationContent) {
    guard let layers = Int(content) else { return nil }
    self.init(rawValue: layers)
  }

  var yaml: String { rawValue.description }
}
