import Checkpoints
import Detection
import Graph
import Models
import Tensors
import TestSupport
import Testing

@testable import Datasets
@testable import ONNX
@testable import Training

/// Exported models in onnxruntime.
///
/// Oracle: the program's own forward pass and post-processing; `Tests/Goldens/check_onnx.py` compares.
@Suite(.serialized, .enabled(if: PythonEnvironment.runsONNX, Comment(rawValue: PythonEnvironment.onnxReason)))
struct ONNXRuntimeTests {
  private let folder: TemporaryDirectory
  private let engine = Engine()

  init() throws { folder = try TemporaryDirectory("onnx") }

  /// A task's weights by the rule of golden files, at any number of images.
  private func weights(_ graph: Graph) -> ParameterStore {
    let store = Plan(graph, engine: engine, mode: .inference, policy: .direct).parameters
    let rule = GoldenInitialization(seed: 5)
    for parameter in store.parameters {
      store.write(parameter.name, .value, rule.calmParameter(parameter.name, shape: parameter.extents))
    }
    return store
  }

  private func images(_ count: Int, of task: any TrainingTask, _ size: (height: Int, width: Int)) -> [Float] {
    GoldenInitialization(seed: 7).image(shape: [count, task.imageChannels, size.height, size.width])
  }

  /// Runs a plan of a graph on images.
  private func forward(_ graph: Graph, _ weights: ParameterStore, _ images: [Float]) -> Plan {
    let plan = Plan(graph, engine: engine, mode: .inference, policy: .direct, sharing: weights)
    _ = plan.inputImages.update(fromContentsOf: images)
    plan.forward(RunContext())
    return plan
  }

  /// Exports a task and lets onnxruntime compute what is expected of the images.
  private func check(
    _ task: any TrainingTask, _ settings: ONNXSettings, _ weights: ParameterStore, _ expected: [TensorToWrite]
  ) throws {
    let (model, tensors) = (folder.file("model.onnx"), folder.file("expected.safetensors"))
    try ONNXModel(task.onnxGraph(settings, weights: weights), producer: ("test", "1"), metadata: []).write(to: model)
    try writeSafetensors(expected, to: tensors)
    let result = try PythonEnvironment.onnx.get().run(
      script: "check_onnx.py", ["--model", model, "--expected", tensors])
    #expect(result.exitCode == 0 && result.output.contains("agrees"), "\(result)")
  }

  private func configuration(
    _ form: ModelForm, _ network: Configuration.ModelName, height: Int, width: Int, classes: Int = 5
  ) -> Configuration {
    var configuration = Configuration(form: form, network: network)
    let size = Configuration.ImageSize(height: height, width: width)
    (configuration.input.size, configuration.input.evaluation.rule) = (size, .fixed(size))
    (configuration.model.depth, configuration.model.classes) = (.resNet18, classes)
    return configuration
  }

  /// A classifier of each kind, small: one with a channel, and one whose odd maps are subsampled beyond their edge.
  private func classifier(_ name: Configuration.ModelName) throws -> Classifier {
    let side = name == .customNet ? 28 : name == .amoebaNet ? 35 : 64
    var configuration = configuration(.paper, name, height: side, width: side)
    if name == .customNet { configuration.data.kind = .mnist }
    (configuration.model.stem, configuration.model.cells, configuration.model.filters) = (.small, 3, 16)
    return try #require(configuration.task as? Classifier)
  }

  @Test(
    "logits of classifiers",
    arguments: [Configuration.ModelName.resNet, .kerasResNet, .denseNet, .customNet, .amoebaNet], [false, true])
  func classifiers(name: Configuration.ModelName, folds: Bool) throws {
    let task = try classifier(name)
    var settings = ONNXSettings()
    (settings.images, settings.foldsBatchNorm) = (2, folds)
    let (graph, logits) = task.inferenceGraph(images: 2)
    let store = weights(graph)
    let images = images(2, of: task, task.trainingSize)
    let found = forward(graph, store, images).canonicalOutput(logits)
    try check(
      task, settings, store,
      [
        TensorToWrite(
          "images", shape: [2, task.imageChannels, task.trainingSize.height, task.trainingSize.width], images),
        TensorToWrite("logits", shape: [2, 5], found),
      ])
  }

  @Test("logits of a segmentation at full size", arguments: [false, true])
  func segmentation(folds: Bool) throws {
    let (height, width) = (65, 81)
    let task = try #require(configuration(.paper, .segmentation, height: height, width: width).task as? Segmenter)
    var settings = ONNXSettings()
    settings.foldsBatchNorm = folds
    let (graph, logits) = task.inferenceGraph(height: height, width: width)
    let store = weights(graph)
    let images = images(1, of: task, (height, width))
    let coarse = forward(graph, store, images).canonicalOutput(logits)
    try check(
      task, settings, store,
      [
        TensorToWrite("images", shape: [1, 3, height, width], images),
        TensorToWrite(
          "logits", shape: [1, 5, height, width],
          Self.resized(coarse, from: (logits.shape.h, logits.shape.w), to: (height, width))),
      ])
  }

  /// Maps resized bilinearly with aligned corners, by the definition.
  private static func resized(
    _ maps: [Float], from coarse: (height: Int, width: Int), to fine: (height: Int, width: Int)
  ) -> [Float] {
    func places(_ coarse: Int, _ fine: Int) -> [(before: Int, after: Int, share: Double)] {
      (0..<fine).map { position in
        let place = Double(position) * Double(coarse - 1) / Double(fine - 1)
        let before = min(Int(place), coarse - 2)
        return (before, before + 1, place - Double(before))
      }
    }
    let (rows, columns) = (places(coarse.height, fine.height), places(coarse.width, fine.width))
    let area = coarse.height * coarse.width
    return (0..<maps.count / area).flatMap { map in
      rows.flatMap { row in
        columns.map { column in
          func value(_ y: Int, _ x: Int) -> Double { Double(maps[map * area + y * coarse.width + x]) }
          func between(_ y: Int) -> Double {
            value(y, column.before) * (1 - column.share) + value(y, column.after) * column.share
          }
          return Float(between(row.before) * (1 - row.share) + between(row.after) * row.share)
        }
      }
    }
  }

  /// Two images of a detector with what the program makes of each.
  private struct DetectorRun {
    let task: Detector
    let weights: ParameterStore
    let images: [Float]
    /// A plan and its outputs for each image.
    let runs: [(plan: Plan, levels: [RetinaNet.Level])]
  }

  private func detectorRun(_ form: ModelForm, height: Int, width: Int) throws -> DetectorRun {
    let task = try #require(configuration(form, .retinaNet, height: height, width: width).task as? Detector)
    let weights = weights(task.inferenceGraph(height: height, width: width).graph)
    let images = images(2, of: task, (height, width))
    let runs = (0..<2).map { image in
      let (graph, levels) = task.inferenceGraph(height: height, width: width)
      let count = images.count / 2
      return (forward(graph, weights, Array(images[image * count..<(image + 1) * count])), levels)
    }
    return DetectorRun(task: task, weights: weights, images: images, runs: runs)
  }

  /// Forms with sizes: the paper's pads odd maps unevenly.
  private static let detectors: [(form: ModelForm, height: Int, width: Int)] = [
    (.paper, 100, 70), (.torchvision, 96, 64),
  ]

  @Test("without a size, a detector with bounds has that of the largest picture that lies across")
  func boundedSize() throws {
    let weights = try detectorRun(.torchvision, height: 96, width: 64).weights
    var configuration = configuration(.torchvision, .retinaNet, height: 96, width: 64)
    configuration.input.evaluation = Configuration.Evaluation(form: .torchvision)
    let input = try configuration.task.onnxGraph(ONNXSettings(), weights: weights).inputs[0]
    #expect(input.shape.map { "\($0)" } == ["fixed(1)", "fixed(3)", "fixed(800)", "fixed(1344)"])
  }

  @Test("raw predictions of detectors, with the anchors", arguments: detectors, [false, true])
  func rawDetectors(detector: (form: ModelForm, height: Int, width: Int), folds: Bool) throws {
    let run = try detectorRun(detector.form, height: detector.height, width: detector.width)
    var settings = ONNXSettings()
    (settings.images, settings.foldsBatchNorm) = (2, folds)
    let anchors = run.task.anchors(height: detector.height, width: detector.width)
    func rows(_ value: (RetinaNet.Level) -> Value) -> [Float] {
      run.runs.flatMap { plan, levels in
        levels.flatMap { level in
          let (map, shape) = (plan.canonicalOutput(value(level)), value(level).shape)
          return (0..<shape.area).flatMap { pixel in (0..<shape.c).map { map[$0 * shape.area + pixel] } }
        }
      }
    }
    try check(
      run.task, settings, run.weights,
      [
        TensorToWrite("images", shape: [2, 3, detector.height, detector.width], run.images),
        TensorToWrite("class_logits", shape: [2, anchors.count, 5], rows(\.logits)),
        TensorToWrite("box_codes", shape: [2, anchors.count, 4], rows(\.boxes)),
        TensorToWrite(
          "anchors", shape: [anchors.count, 4],
          (0..<anchors.count).flatMap { [anchors[$0].x1, anchors[$0].y1, anchors[$0].x2, anchors[$0].y2] }),
      ])
  }

  @Test("decoded and suppressed detections of each image of a batch", arguments: detectors, [false, true])
  func decodedDetectors(detector: (form: ModelForm, height: Int, width: Int), folds: Bool) throws {
    let run = try detectorRun(detector.form, height: detector.height, width: detector.width)
    var settings = ONNXSettings()
    (settings.images, settings.foldsBatchNorm, settings.decodesBoxes) = (2, folds, true)
    let anchors = run.task.anchors(height: detector.height, width: detector.width)
    let placement = ImagePlacement(
      height: detector.height, width: detector.width, originalHeight: detector.height, originalWidth: detector.width)
    var expected = [TensorToWrite("images", shape: [2, 3, detector.height, detector.width], run.images)]
    for (image, (plan, levels)) in run.runs.enumerated() {
      let found = anchors.detections(
        levels.map { LevelPredictions(logits: plan.output($0.logits), regressions: plan.output($0.boxes)) },
        classCount: 5, channelBlock: plan.channelBlock, placement: placement,
        settings: PostProcessing(form: detector.form))
      #expect(found.count > 50, "\(found.count) detections say little")
      expected += [
        TensorToWrite(
          "boxes_\(image)", shape: [found.count, 4], found.flatMap { [$0.box.x1, $0.box.y1, $0.box.x2, $0.box.y2] }),
        TensorToWrite("scores_\(image)", shape: [found.count], found.map(\.score)),
        TensorToWrite("labels_\(image)", shape: [found.count], integers: found.map { Int64($0.classIndex) }),
      ]
    }
    try check(run.task, settings, run.weights, expected)
  }
}
