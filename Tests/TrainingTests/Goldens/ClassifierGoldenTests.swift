import Checkpoints
import Distributed
import Graph
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// torchvision's ResNet-18 classifier of ten classes at 64 x 64, run in float64; `Tests/Goldens/classifier.py`.
@Suite(.serialized) struct ClassifierGoldenTests {
  private let golden: SafetensorsFile
  private let classifier: Classifier
  private let labels: [Int]

  init() throws {
    golden = try TestSupport.golden(named: "resnet18-classifier")
    var configuration = Configuration(form: .torchvision)
    configuration.model.name = .resNet
    configuration.model.depth = .resNet18
    configuration.model.classes = golden.number("num_classes")
    configuration.input.size = Configuration.ImageSize(height: 64, width: 64)
    configuration.batch.size = .perRank(4)
    configuration.loss.labelSmoothing = try #require(Double(golden.metadata["label_smoothing", default: ""]))
    configuration.optimizer.momentum = try #require(Double(golden.metadata["momentum", default: ""]))
    configuration.optimizer.weightDecay = try #require(Double(golden.metadata["weight_decay", default: ""]))
    classifier = Classifier(configuration)
    labels = try golden.integers(named: "labels").map { Int($0) }
  }

  /// The network of the golden, filled, with its images in place.
  private func plan(_ policy: AlgorithmPolicy, smoothing: Float? = nil, readsLogits: Bool) throws -> (Plan, Value) {
    var network = classifier.network
    if let smoothing { network.labelSmoothing = smoothing }
    let graph = Graph()
    let logits = network.training(graph, graph.input(Shape(4, 3, 64, 64)))
    if readsLogits { graph.markOutput(logits) }
    let plan = Plan(graph, engine: Engine(), mode: .training, policy: policy)
    let rule = GoldenInitialization(seed: UInt32(golden.number("seed")))
    let stored = Set(golden.names)
    for parameter in plan.parameters.parameters {
      let replacement = "parameters/\(parameter.name)"
      let values =
        stored.contains(replacement)
        ? try golden.floats(named: replacement) : rule.parameter(parameter.name, shape: parameter.extents)
      plan.parameters.write(parameter.name, .value, values)
    }
    let images = GoldenInitialization(seed: UInt32(golden.number("image_seed")))
    _ = plan.inputImages.update(fromContentsOf: images.image(shape: [4, 3, 64, 64]))
    return (plan, logits)
  }

  @Test(
    "logits, losses and the number of correct images equal torchvision's",
    arguments: [AlgorithmPolicy.direct, .winograd, .timed], [0, 1])
  func outputs(policy: AlgorithmPolicy, smoothed: Int) throws {
    let (plan, logits) = try plan(policy, smoothing: smoothed == 0 ? 0 : nil, readsLogits: true)
    let targets = ClassificationTargets(classes: labels)
    plan.forward(RunContext(labels: targets))
    let closeness = Closeness(of: plan.canonicalOutput(logits), to: try golden.floats(named: "logits"))
    #expect(closeness.relativeL2 < 1e-4, "\(closeness)")
    let expected = Double(try golden.floats(named: "losses")[smoothed])
    #expect(abs(targets.loss / expected - 1) < 1e-4, "\(targets.loss), not \(expected)")
    #expect(targets.correctCount == golden.number("correct"))
  }

  @Test(
    "the gradient of every parameter equals torchvision's with direct convolutions, also beside readable logits",
    arguments: [false, true])
  func gradients(readsLogits: Bool) throws {
    let (plan, _) = try plan(.direct, readsLogits: readsLogits)
    let context = RunContext(labels: ClassificationTargets(classes: labels))
    plan.forward(context)
    plan.backward(context)
    let names = golden.names(after: "gradient/")
    #expect(names.count == 62)
    for name in names {
      let error = try golden.gradientError(of: name, in: plan.parameters)
      #expect(error < 1e-4, "\(name) is \(error) away")
    }
  }

  @Test("ten steps of the training step lose as PyTorch's")
  func steps() throws {
    let (plan, _) = try plan(.direct, readsLogits: false)
    let rate = try #require(Double(golden.metadata["learning_rate", default: ""]))
    let alone = try MPIEnvironment.start(environment: [:])
    let replica = Replica(
      classifier, plan: plan, communicator: alone.world, batch: try classifier.configuration.batchPlan(ranks: 1),
      totalSteps: 10)
    let images = Array(plan.inputImages)
    let expected = try golden.floats(named: "steps")
    #expect(expected.count == 10)
    try images.withUnsafeBufferPointer { images in
      for (step, truth) in expected.enumerated() {
        let result = try replica.step(step, learningRate: rate) { .init(images: images, targets: labels) }
        #expect(abs(result.loss / Double(truth) - 1) < 1e-4, "step \(step): \(result.loss), not \(truth)")
        if step == 0 { #expect(result.accuracy == Double(golden.number("correct")) / 4) }
      }
    }
  }

  @Test("names are torchvision's, and so are the numbers of parameters")
  func parameters() throws {
    func graph(_ depth: ResNetDepth, classes: Int) -> Graph {
      var network = classifier.network
      (network.trunk.depth, network.classes) = (depth, classes)
      let graph = Graph()
      network.training(graph, graph.input(Shape(1, 3, 64, 64)))
      return graph
    }
    func learned(_ graph: Graph) -> [Parameter] { graph.parameters.filter { $0.role != .runningStatistic } }
    #expect(Set(learned(graph(.resNet18, classes: 10)).map(\.name)) == golden.names(after: "gradient/"))
    for (depth, classes, count) in [
      (ResNetDepth.resNet18, 10, golden.number("parameters")), (.resNet18, 1000, 11_689_512),
      (.resNet34, 1000, 21_797_672), (.resNet50, 1000, 25_557_032), (.resNet101, 1000, 44_549_160),
    ] {
      #expect(learned(graph(depth, classes: classes)).reduce(0) { $0 + $1.shape.count } == count)
    }
  }
}
