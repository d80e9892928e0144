import Graph
import Regularization
import Tensors

/// The depths of "Deep residual learning" (He, Zhang, Ren and Sun, 2016), Table 1, as used in detectors.
public enum ResNetDepth: Int, CaseIterable, Sendable {
  /// 18 layers of basic blocks.
  case resNet18 = 18
  /// 34 layers of basic blocks.
  case resNet34 = 34
  /// 50 layers of bottleneck blocks.
  case resNet50 = 50
  /// 101 layers of bottleneck blocks.
  case resNet101 = 101

  /// Blocks in groups 1 to 4 (conv2_x to conv5_x).
  public var blocks: [Int] {
    switch self {
    case .resNet18: [2, 2, 2, 2]
    case .resNet34: [3, 4, 6, 3]
    case .resNet50: [3, 4, 6, 3]
    case .resNet101: [3, 4, 23, 3]
    }
  }

  /// Whether blocks are 1x1, 3x3, 1x1 instead of 3x3, 3x3.
  public var isBottleneck: Bool {
    switch self {
    case .resNet18, .resNet34: false
    case .resNet50, .resNet101: true
    }
  }

  /// Output channels of a block over its inner channels.
  public var expansion: Int { isBottleneck ? 4 : 1 }
}

/// Which convolution of a bottleneck's branch halves the map, where a group begins.
public enum StridePlacement: String, CaseIterable, Sendable {
  /// The first, 1x1: "v1", as in the article.
  case firstConvolution = "1x1"
  /// The 3x3: "v1.5", as in torchvision and the DropBlock paper's code.
  case secondConvolution = "3x3"
}

/// The trunk of a ResNet under torchvision's names.
///
/// Masks may sit where the official code has DropBlock: on the shortcut, after every batch-norm (and its ReLU) of the
/// block, and before the addition: four places in a bottleneck, three in a basic block (which the official classifier
/// leaves out and the official detection code has).
public struct ResNet: Sendable {
  /// The row of the table.
  public var depth: ResNetDepth
  /// Whose details.
  public var form: ModelForm
  /// Where a bottleneck has its stride; basic blocks have it in their first convolution.
  public var stridePlacement = StridePlacement.secondConvolution
  /// The normalisation after every convolution.
  public var batchNorm: BatchNorm
  /// Learned stages, counted from the top: 5 is everything, 4 keeps the stem fixed, 3 also group 1, 0 is nothing.
  public var trainableStages: Int
  /// Whether the 7x7 stem convolution is learned; the paper's detector never does.
  public var isStemTrainable: Bool

  /// Form, depth and variant in a few words.
  public var title: String {
    "\(form.rawValue) form, ResNet-\(depth.rawValue)" + (stridePlacement == .firstConvolution ? " v1" : "")
  }

  /// A trunk.
  public init(
    depth: ResNetDepth, form: ModelForm, batchNorm: BatchNorm, trainableStages: Int = 5, isStemTrainable: Bool = true
  ) {
    (self.depth, self.form, self.batchNorm) = (depth, form, batchNorm)
    (self.trainableStages, self.isStemTrainable) = (trainableStages, isStemTrainable)
  }

  /// The features C2 to C5 of images (N, 3, H, W), at strides 4, 8, 16 and 32; names start with `prefix`.
  public func callAsFunction(_ graph: Graph, _ images: Value, prefix: String) -> [Value] {
    let stemIsTrained = trainableStages >= 5 && isStemTrainable
    var x = convolution(
      graph, "\(prefix)conv1", images, channels: 64, kernel: 7, stride: 2, isTrained: stemIsTrained)
    x = graph.batchNorm("\(prefix)bn1", x, norm(isTrained: trainableStages >= 5), activation: .relu)
    let window: Window =
      switch form {
      case .paper: .same(3, stride: 2, on: x.shape)
      case .torchvision: .square(3, stride: 2, padding: 1)
      }
    x = graph.maxPool("\(prefix)maxpool", x, window)
    var blockNumber = 0
    return zip(1...4, depth.blocks).map { group, blocks in
      for block in 0..<blocks {
        blockNumber += 1
        x = residualBlock(
          graph, "\(prefix)layer\(group).\(block)", x, group: group, number: blockNumber,
          channels: 64 << (group - 1), stride: group > 1 && block == 0 ? 2 : 1)
      }
      return x
    }
  }

  /// One residual block: the branch, the shortcut, the addition and its ReLU; `number` counts the blocks of all groups.
  private func residualBlock(
    _ graph: Graph, _ name: String, _ input: Value, group: Int, number: Int, channels: Int, stride: Int
  ) -> Value {
    let isTrained = trainableStages >= 5 - group
    let norm = norm(isTrained: isTrained)
    var last = norm
    if form == .paper { last.initialScale = 0 }
    let inside = MaskPlace(group: group, .convolution, depth: number)
    let besides = MaskPlace(group: group, .shortcut, depth: number)
    let width = channels * depth.expansion
    // A 1x1 convolution with a stride reads a quarter of the map; in a v1 bottleneck two of them do.
    let quarter = stride > 1 ? graph.subsampled("\(name).subsampling", input) : input
    let stridesFirst = depth.isBottleneck && stridePlacement == .firstConvolution
    let (input, stride) = stridesFirst ? (quarter, 1) : (input, stride)

    var shortcut = input
    let isProjection = input.shape.c != width
    if isProjection {
      shortcut = convolution(
        graph, "\(name).downsample.0", quarter, channels: width, kernel: 1, isTrained: isTrained)
      shortcut = graph.batchNorm(
        "\(name).downsample.1", shortcut, norm, activation: .none, mask: besides)
    }
    // An identity shortcut has no batch-norm that its mask could ride on: the sum applies it.
    func join(_ norm: String, _ branch: Value) -> Value {
      graph.batchNormJoin(
        "\(name).\(norm)", branch, last, shortcut: shortcut,
        mask: MaskPlace(group: group, .branchEnd, depth: number),
        shortcutMask: isProjection ? nil : ("\(name).shortcut", besides))
    }
    var x = input
    if depth.isBottleneck {
      x = convolution(graph, "\(name).conv1", x, channels: channels, kernel: 1, isTrained: isTrained)
      x = graph.batchNorm("\(name).bn1", x, norm, activation: .relu, mask: inside)
      x = convolution(
        graph, "\(name).conv2", x, channels: channels, kernel: 3, stride: stride, isTrained: isTrained)
      x = graph.batchNorm("\(name).bn2", x, norm, activation: .relu, mask: inside)
      x = convolution(graph, "\(name).conv3", x, channels: width, kernel: 1, isTrained: isTrained)
      return join("bn3", x)
    } else {
      x = convolution(
        graph, "\(name).conv1", x, channels: channels, kernel: 3, stride: stride, isTrained: isTrained)
      x = graph.batchNorm("\(name).bn1", x, norm, activation: .relu, mask: inside)
      x = convolution(graph, "\(name).conv2", x, channels: width, kernel: 3, isTrained: isTrained)
      return join("bn2", x)
    }
  }

  private func norm(isTrained: Bool) -> BatchNorm {
    var norm = batchNorm
    if !isTrained { norm.isTrained = false }
    return norm
  }

  /// A convolution without bias, padded by (kernel - 1) / 2 on all sides in both forms.
  private func convolution(
    _ graph: Graph, _ name: String, _ input: Value, channels: Int, kernel: Int, stride: Int = 1, isTrained: Bool
  ) -> Value {
    graph.convolution(
      name, input, channels: channels, .square(kernel, stride: stride, padding: (kernel - 1) / 2),
      initializer: form == .paper ? .truncatedFanIn : .heFanOut, isTrained: isTrained)
  }
}
