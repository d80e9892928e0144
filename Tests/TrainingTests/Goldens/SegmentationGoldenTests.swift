import Checkpoints
import Distributed
import Graph
import Models
import Segmentation
import Tensors
import TestSupport
import Testing

@testable import Training

/// The official code's segmentation network with a ResNet-18 trunk against plain PyTorch in float64;
/// `Tests/Goldens/segmentation.py`.
@Suite(.serialized) struct SegmentationGoldenTests {
  private let golden: SafetensorsFile
  private let segmenter: Segmenter
  private let images = Shape(2, 3, 65, 81)

  init() throws {
    golden = try TestSupport.golden(named: "segmentation")
    var configuration = Configuration(form: .paper, network: .segmentation)
    configuration.model.depth = .resNet18
    configuration.model.classes = golden.number("num_classes")
    configuration.input.size = Configuration.ImageSize(height: images.h, width: images.w)
    configuration.batch.size = .perRank(images.n)
    segmenter = try #require(configuration.task as? Segmenter)
  }

  /// Every eighth label of each image along either axis, by the file's formula.
  private var labels: [[UInt8]] {
    (0..<images.n).map { image in
      stride(from: 0, to: images.h, by: 8).flatMap { y in
        stride(from: 0, to: images.w, by: 8).map { x in
          let value = (x / 7 + 3 * (y / 5) + image) % 23
          return value < 21 ? UInt8(value) : 255
        }
      }
    }
  }

  private func plan(
    _ mode: Planner.Mode, _ policy: AlgorithmPolicy = .direct, readsLogits: Bool = false
  ) throws -> (plan: Plan, logits: Value) {
    let graph = Graph()
    let input = graph.input(images)
    let logits: Value
    switch mode {
    case .training: logits = segmenter.network.training(graph, input)
    case .inference: logits = segmenter.network(graph, input)
    }
    if readsLogits { graph.markOutput(logits) }
    let plan = Plan(graph, engine: Engine(), mode: mode, policy: policy)
    let rule = GoldenInitialization(seed: UInt32(golden.number("seed")))
    let stored = Set(golden.names)
    for parameter in plan.parameters.parameters {
      // Calibrated statistics are those of the evaluation.
      let places = ["parameters/\(parameter.name)"] + (mode == .inference ? ["statistics/\(parameter.name)"] : [])
      let values =
        try places.first(where: stored.contains).map { try golden.floats(named: $0) }
        ?? rule.parameter(parameter.name, shape: parameter.extents)
      plan.parameters.write(parameter.name, .value, values)
    }
    plan.parametersChanged()
    let pixels = GoldenInitialization(seed: UInt32(golden.number("image_seed")))
    _ = plan.inputImages.update(fromContentsOf: pixels.image(shape: [images.n, images.c, images.h, images.w]))
    return (plan, logits)
  }

  @Test(
    "logits and losses, with the local and a given normaliser, are those of the official code with any algorithm",
    arguments: [AlgorithmPolicy.direct, .winograd, .timed], [0, 1])
  func outputs(policy: AlgorithmPolicy, loss: Int) throws {
    let (plan, logits) = try plan(.training, policy, readsLogits: true)
    let weight = loss == 0 ? nil : Float(golden.metadata["weight", default: ""])
    let targets = SegmentationTargets(classes: Array(labels.joined()), weight: weight)
    plan.forward(RunContext(targets: targets))
    let closeness = Closeness(of: plan.canonicalOutput(logits), to: try golden.floats(named: "logits"))
    #expect(closeness.relativeL2 < 1e-4, "\(closeness)")
    let expected = Double(try golden.floats(named: "losses")[loss])
    #expect(abs(targets.loss / expected - 1) < 1e-4, "\(targets.loss), not \(expected)")
    #expect(targets.count == golden.number("pixels") && targets.correctCount == golden.number("correct"))
  }

  @Test("every gradient is within 1e-4 with direct convolutions, and running statistics move as TensorFlow's")
  func gradients() throws {
    let (plan, _) = try plan(.training)
    let context = RunContext(targets: SegmentationTargets(classes: Array(labels.joined())))
    plan.forward(context)
    plan.backward(context)
    let names = golden.names(after: "gradient/")
    let learned = plan.parameters.parameters.filter { $0.role != .runningStatistic }
    #expect(Set(learned.map(\.name)) == names && names.count == 108)
    for name in names {
      let error = try golden.gradientError(of: name, in: plan.parameters)
      #expect(error < 1e-4, "\(name) is \(error) away")
    }
    let statistics = golden.names(after: "updated/")
    #expect(statistics.count == 66)
    for name in statistics {
      let closeness = Closeness(of: plan.parameters.read(name), to: try golden.floats(named: "updated/\(name)"))
      #expect(closeness.relativeL2 < 1e-5, "\(name): \(closeness)")
    }
  }

  @Test("evaluation uses running statistics, and every pixel gets the class of the largest resized logit")
  func evaluation() throws {
    let (plan, logits) = try plan(.inference, readsLogits: true)
    plan.forward(RunContext())
    let found = plan.canonicalOutput(logits)
    let closeness = Closeness(of: found, to: try golden.floats(named: "evaluated/logits"))
    #expect(closeness.relativeL2 < 1e-4, "\(closeness)")
    let likeliest = LikeliestClasses(logits: (logits.shape.h, logits.shape.w), canvas: (images.h, images.w))
    let count = found.count / images.n
    let classes = (0..<images.n).flatMap {
      likeliest(found[$0 * count..<($0 + 1) * count], height: images.h, width: images.w)
    }
    #expect(try classes == golden.integers(named: "evaluated/classes").map { UInt8($0) })
  }

  @Test("five steps of the training step lose as PyTorch's", arguments: ["steps", "steps_decayed"])
  func steps(curve: String) throws {
    var configuration = segmenter.configuration
    configuration.optimizer.momentum = try #require(Double(golden.metadata["momentum", default: ""]))
    configuration.optimizer.weightDecay = try #require(Double(golden.metadata["\(curve).weight_decay", default: ""]))
    let segmenter = try #require(configuration.task as? Segmenter)
    let plan = try plan(.training).plan
    let rate = try #require(Double(golden.metadata["learning_rate", default: ""]))
    let alone = try MPIEnvironment.start(environment: [:])
    let replica = Replica(
      segmenter, plan: plan, communicator: alone.world, batch: try configuration.batchPlan(ranks: 1), totalSteps: 6)
    let pixels = Array(plan.inputImages)
    try pixels.withUnsafeBufferPointer { pixels in
      for (step, truth) in try golden.floats(named: curve).enumerated() {
        let result = try replica.step(step, learningRate: rate) { .init(images: pixels, targets: labels) }
        #expect(abs(result.means[0] / Double(truth) - 1) < 1e-4, "step \(step): \(result.means[0]), not \(truth)")
      }
    }
  }
}
