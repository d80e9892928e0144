import Checkpoints
import Detection
import Distributed
import Graph
import Models
import Tensors
import TestSupport
import Testing

@testable import Datasets
@testable import Training

/// The detector that a golden file describes, with the parameters, images and boxes that the file was computed from.
struct GoldenDetector {
  /// The results to compare with.
  let golden: SafetensorsFile
  /// The detector in the form, depth and number of classes of the file.
  private(set) var detector: Detector
  /// The file's images, (N, 3, H, W).
  let images: Shape

  /// The detector of a file; batch-norm is that of the file's form unless it is frozen.
  init(_ name: String, form: ModelForm, batchNorm: Configuration.BatchNormMode) throws {
    golden = try TestSupport.golden(named: name)
    // Files about single pictures have no batch.
    let extents = golden.metadata["shape", default: "1, 3, 64, 64"].split { !$0.isNumber }.compactMap { Int($0) }
    require(extents.count == 4, "\(golden.path) has no shape of a batch")
    images = Shape(extents[0], extents[1], extents[2], extents[3])
    var configuration = Configuration(form: form)
    configuration.model.depth = try #require(ResNetDepth(rawValue: golden.number("depth")))
    configuration.model.classes = golden.number("num_classes")
    configuration.batchNorm.mode = batchNorm
    configuration.batchNorm.epsilon = try #require(Double(golden.metadata["epsilon", default: "1e-5"]))
    configuration.dropBlock.groups = []
    configuration.input.size = Configuration.ImageSize(height: images.h, width: images.w)
    configuration.batch.size = .global(images.n)
    configuration.optimizer.momentum = try #require(Double(golden.metadata["momentum", default: "0.9"]))
    if let shortSide = Int(golden.metadata["min_size"] ?? ""), let longSide = Int(golden.metadata["max_size"] ?? "") {
      configuration.input.evaluation.rule = .bounded(
        Configuration.SideBounds(shortSide: shortSide, longSideMaximum: longSide))
    }
    if let side = Int(golden.metadata["canvas"] ?? "") {
      configuration.input.evaluation.rule = .fixed(Configuration.ImageSize(height: side, width: side))
    }
    detector = Detector(configuration)
  }

  /// Changes the pull towards zero of everything but batch-norm.
  mutating func setWeightDecay(_ weightDecay: Double) {
    var configuration = detector.configuration
    configuration.optimizer.weightDecay = weightDecay
    detector = Detector(configuration)
  }

  /// Gives every parameter the value that the golden was computed with.
  func fill(_ store: ParameterStore) throws {
    let rule = GoldenInitialization(seed: UInt32(golden.number("seed")))
    let stored = Set(golden.names)
    for parameter in store.parameters {
      let name = parameter.name
      let replacement = ["parameters/\(name)", "statistics/\(name)"].first(where: stored.contains)
      let values =
        try replacement.map { try golden.floats(named: $0) } ?? rule.parameter(name, shape: parameter.extents)
      store.write(name, .value, values)
    }
  }

  /// A picture of 8 bits of the file.
  func picture(named tensor: String) throws -> RGBImage {
    let extents = try #require(golden.entry(named: tensor)).shape
    var picture = RGBImage(width: extents[1], height: extents[0])
    picture.pixels = try golden.integers(named: tensor).map { UInt8($0) }
    return picture
  }

  /// Matched anchors of every image; image i has the boxes of image i mod `period`.
  func anchorTargets(classesNamed classes: String, period: Int) throws -> [AnchorTargets] {
    let anchors = detector.anchors(height: images.h, width: images.w)
    return try (0..<images.n).map { image in
      anchors.targets(
        boxes: try boxes(of: image % period),
        classIndices: golden.names.contains("\(classes).\(image % period)")
          ? try golden.integers(named: "\(classes).\(image % period)").map { Int($0) } : [])
    }
  }

  /// The boxes of an image of the file; images without boxes are not in it.
  func boxes(of image: Int) throws -> [Box] {
    guard golden.names.contains("boxes.\(image)") else { return [] }
    let corners = try golden.floats(named: "boxes.\(image)")
    return stride(from: 0, to: corners.count, by: 4).map {
      Box(x1: corners[$0], y1: corners[$0 + 1], x2: corners[$0 + 2], y2: corners[$0 + 3])
    }
  }
}

/// A golden detector, planned and filled, with its images in place.
final class PlannedGolden {
  let source: GoldenDetector
  let plan: Plan
  let levels: [RetinaNet.Level]
  /// What the losses compare with, and the losses of the last run.
  let targets: DetectionTargets
  /// The matched anchors behind `targets`.
  let anchorTargets: [AnchorTargets]

  /// Plans for training, with readable outputs or as training does it: losses then overwrite the outputs.
  init(
    _ source: GoldenDetector, policy: AlgorithmPolicy, readsOutputs: Bool, mode: Planner.Mode = .training,
    precision: Precision = .f32, classesNamed classes: String = "labels", period: Int = .max
  ) throws {
    self.source = source
    let graph = Graph()
    let input = graph.input(source.images)
    switch mode {
    case .training: levels = source.detector.network.training(graph, input)
    case .inference: levels = source.detector.network(graph, input)
    }
    if readsOutputs {
      for level in levels {
        graph.markOutput(level.logits)
        graph.markOutput(level.boxes)
      }
    }
    plan = Plan(graph, engine: Engine(), mode: mode, precision: precision, policy: policy)
    try source.fill(plan.parameters)
    let rule = GoldenInitialization(seed: UInt32(source.golden.number("image_seed")))
    let (n, c, h, w) = (source.images.n, source.images.c, source.images.h, source.images.w)
    _ = plan.inputImages.update(fromContentsOf: rule.image(shape: [n, c, h, w]))
    anchorTargets = try source.anchorTargets(classesNamed: classes, period: period)
    targets = source.detector.lossTargets(anchorTargets)
  }

  /// Runs forward and, where asked, backward.
  func run(backward: Bool = false) {
    let context = RunContext(targets: targets)
    plan.forward(context)
    if backward { plan.backward(context) }
  }

  /// The class logits (N, anchors, classes), in torchvision's order: level, row, column, anchor.
  var logits: [Float] { flattened(levels.map(\.logits), width: source.detector.network.classes) }

  /// The box codes (N, anchors, 4).
  var codes: [Float] { flattened(levels.map(\.boxes), width: 4) }

  private func flattened(_ values: [Value], width: Int) -> [Float] {
    let maps = values.map { plan.canonicalOutput($0) }
    var result: [Float] = []
    for image in 0..<source.images.n {
      for (value, map) in zip(values, maps) {
        let (channels, area) = (value.shape.c, value.shape.h * value.shape.w)
        for pixel in 0..<area {
          for channel in 0..<channels { result.append(map[(image * channels + channel) * area + pixel]) }
        }
      }
    }
    require(result.count % (source.images.n * width) == 0, "\(result.count) values in rows of \(width)")
    return result
  }

  /// Relative differences of the class and the box loss from the golden's.
  func lossErrors() throws -> [Double] {
    let losses = try source.golden.floats(named: "losses")
    return zip([targets.classLoss, targets.boxLoss], losses).map { abs($0 / Double($1) - 1) }
  }

  /// How far a gradient of the last run is from the golden's.
  func gradientError(of name: String) throws -> Double {
    try source.golden.gradientError(of: name, in: plan.parameters)
  }

  /// The names of the learned parameters.
  var trainedNames: [String] {
    plan.parameters.parameters.compactMap {
      switch $0.role {
      case .trained: $0.name
      case .frozen, .runningStatistic: nil
      }
    }
  }
}

extension SafetensorsFile {
  /// A whole number of the metadata.
  func number(_ key: String) -> Int {
    guard let number = Int(metadata[key] ?? "") else { fatalError("\(path) has no number \(key)") }
    return number
  }

  /// How far a gradient is from the file's, by its sample and by its norm, relative to the parameter's gradient.
  ///
  /// Where the true gradient is zero it is the norm of the whole tensor over the norm of all gradients.
  func gradientError(of name: String, in store: ParameterStore) throws -> Double {
    let gradient = store.read(name, .gradient)
    let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    if metadata["zero_gradients", default: ""].split(separator: ",").contains(Substring(name)) {
      return norm / Double(try floats(named: "gradient_norm")[0])
    }
    let indices = GoldenSample.indices(count: gradient.count, limit: number("sample"))
    let sample = Closeness(of: indices.map { gradient[$0] }, to: try floats(named: "gradient/\(name)"))
    let trueNorm = Double(try floats(named: "norm/\(name)")[0])
    return max(sample.relativeL2, abs(norm / trueNorm - 1))
  }

  /// The names that follow a prefix, such as those of all gradients.
  func names(after prefix: String) -> Set<String> {
    Set(names.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) })
  }
}
