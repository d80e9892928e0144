import Graph
import Regularization
import Tensors

/// AmoebaNet-B (Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier architecture search", 2019), the
/// architecture of the DropBlock paper's Table 2, as the official code builds it.
///
/// Three stacks of normal cells with a reduction in front of the second and the third, which double the channels; an
/// auxiliary head on the last cell of the second stack in training; 141,751,465 numbers that are trained with 18 cells, 256
/// filters and 1,001 classes, and 977,124 in the auxiliary head.
///
/// Groups of mask places: 1 is the stem, 2 the first stack, 4 the last half of the cells, and 3 the cells between. The
/// paper's "last 50 % of the cells" are cells 10 to 18 and the second reduction, ten of the twenty behind the stem.
public struct AmoebaNet: PooledClassifier {
  /// What stands in front of the cells.
  public enum Stem: String, Hashable, Sendable, CaseIterable {
    /// A 3x3 convolution of stride 2 without padding to 32 channels and two reductions: maps of an eighth.
    case imageNet = "imagenet"
    /// A 3x3 convolution of stride 1 to the channels of a state: maps of the image's size, for images of 32 pixels.
    case small
  }

  /// The normalisation behind every convolution; the official code keeps 0.9 of its running statistics.
  public var batchNorm: BatchNorm
  /// Outputs.
  public var classes: Int
  /// The share of each label that training spreads over all classes, in 0..<1.
  public var labelSmoothing: Float
  /// Normal cells, a multiple of 3.
  public var cells = 18
  /// Channels of a state in the first stack, a multiple of 64, or of 16 with the small stem.
  public var filters = 256
  /// What stands in front of the cells.
  public var stem = Stem.imageNet
  /// The share of the pooled features that training keeps in front of the fully connected layer, above 0 and at most 1.
  public var keepProbability = 0.5
  /// The weight of the auxiliary head's loss; 0 is none.
  public var auxiliaryWeight: Float = 0.4

  /// What it is, in a few words.
  public var title: String {
    "AmoebaNet-B (\(cells / 3), \(filters))" + (auxiliaryWeight > 0 ? ", auxiliary head" : "")
  }

  /// The name of the fully connected layer.
  public var classLayer: String { "fc" }

  /// A classifier.
  public init(batchNorm: BatchNorm, classes: Int, labelSmoothing: Float = 0) {
    (self.batchNorm, self.classes, self.labelSmoothing) = (batchNorm, classes, labelSmoothing)
  }

  /// Describes the network for images (N, C, H, W) up to the ReLU behind its last cell.
  public func features(_ graph: Graph, _ images: Value) -> Value { trunk(graph, images).features }

  /// Describes what follows on the last map; returns the logits (N, classes, 1, 1).
  public func logits(_ graph: Graph, _ features: Value) -> Value {
    let pooled = graph.globalAveragePool("avgpool", features)
    return fullyConnected(graph, classLayer, graph.dropout("dropout", pooled, keepProbability: keepProbability))
  }

  /// The logits that training compares, those of the auxiliary head among them.
  public func trainingHeads(_ graph: Graph, _ images: Value) -> TrainingHeads {
    let (features, auxiliary) = trunk(graph, images)
    let side = auxiliaryWeight > 0 ? auxiliaryLogits(graph, auxiliary) : nil
    return TrainingHeads(
      logits: logits(graph, features), auxiliary: side.map { AuxiliaryHead(logits: $0, weight: auxiliaryWeight) })
  }

  /// The last map behind its ReLU, and that which the auxiliary head reads.
  private func trunk(_ graph: Graph, _ images: Value) -> (features: Value, auxiliary: Value) {
    var (previous, current): (Value?, Value) = stem(graph, images)
    var auxiliary = current
    var depth = stem == .imageNet ? 2 : 0
    func add(_ name: String, _ cell: AmoebaCell, channels: Int, group: Int) {
      depth += 1
      let build = AmoebaCellBuilder(
        graph: graph, name: name, cell: cell, channels: channels, batchNorm: batchNorm, place: (group, depth))
      (previous, current) = (current, build(current: current, previous: previous))
    }
    for index in 0..<cells {
      let (stack, channels) = (index / (cells / 3), filters << (index / (cells / 3)))
      let group = 2 * index >= cells ? 4 : stack + 2
      if index > 0 && index % (cells / 3) == 0 {
        if stack == 2 { auxiliary = current }
        add("reduction_cells.\(stack - 1)", .reduction, channels: channels, group: group)
      }
      add("cells.\(index)", .normal, channels: channels, group: group)
    }
    return (graph.relu("relu", current), auxiliary)
  }

  /// What entered the stem's last cell, nil without one, and what enters the first cell behind it.
  private func stem(_ graph: Graph, _ images: Value) -> (previous: Value?, current: Value) {
    let window: Window =
      switch stem {
      case .imageNet: .square(3, stride: 2)
      case .small: .same(3, on: images.shape)
      }
    let place = MaskPlace(group: 1, .convolution, depth: 1)
    let convolution = graph.convolution(
      "stem.conv", images, channels: stem == .imageNet ? 32 : filters, window, initializer: .truncatedFanOut(groups: 1))
    let x = graph.batchNorm("stem.bn", convolution, batchNorm, activation: .none, mask: place)
    var (previous, current): (Value?, Value) = (nil, x)
    if stem == .small { return (previous, current) }
    for (index, channels) in [filters / 4, filters / 2].enumerated() {
      let build = AmoebaCellBuilder(
        graph: graph, name: "stem_cells.\(index)", cell: .reduction, channels: channels, batchNorm: batchNorm,
        place: (1, index + 1))
      (previous, current) = (current, build(current: current, previous: previous))
    }
    return (previous, current)
  }

  /// ReLU, means over 5x5 pixels, 51 channels, 307 channels over the whole map, classes.
  private func auxiliaryLogits(_ graph: Graph, _ map: Value) -> Value {
    var x = graph.averagePool("auxiliary.pool", graph.relu("auxiliary.relu", map), .square(5, stride: 3))
    for (index, channels) in [51, 307].enumerated() {
      let window = index == 0 ? Window.square(1) : Window(rows: WindowAxis(x.shape.h), columns: WindowAxis(x.shape.w))
      x = graph.convolution(
        "auxiliary.conv\(index)", x, channels: channels, window, initializer: .truncatedFanOut(groups: 1))
      x = graph.batchNorm("auxiliary.bn\(index)", x, batchNorm, activation: .relu)
    }
    return fullyConnected(graph, "auxiliary.fc", x)
  }

  private func fullyConnected(_ graph: Graph, _ name: String, _ x: Value) -> Value {
    graph.convolution(
      name, x, channels: classes, .square(1), initializer: .truncatedFanOut(groups: 1), bias: .constant(0))
  }
}
