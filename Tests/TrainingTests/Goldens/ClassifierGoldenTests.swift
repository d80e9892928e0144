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
    classifier = try #require(configuration.task as? Classifier)
  }

  private func plan(_ policy: AlgorithmPolicy, smoothing: Float? = nil, readsLogits: Bool) throws -> GoldenClassifier {
    var network = classifier.network
    if let smoothing { network.labelSmoothing = smoothing }
    return try GoldenClassifier(golden, network, images: Shape(4, 3, 64, 64), policy: policy, readsLogits: readsLogits)
  }

  @Test(
    "logits, losses and the number of correct images equal torchvision's",
    arguments: [AlgorithmPolicy.direct, .winograd, .timed], [0, 1])
  func outputs(policy: AlgorithmPolicy, smoothed: Int) throws {
    let planned = try plan(policy, smoothing: smoothed == 0 ? 0 : nil, readsLogits: true)
    planned.run()
    let closeness = Closeness(of: planned.logits, to: try golden.floats(named: "logits"))
    #expect(closeness.relativeL2 < 1e-4, "\(closeness)")
    let expected = Double(try golden.floats(named: "losses")[smoothed])
    #expect(abs(planned.targets.loss / expected - 1) < 1e-4, "\(planned.targets.loss), not \(expected)")
    #expect(planned.targets.correctCount == golden.number("correct"))
  }

  @Test(
    "the gradient of every parameter equals torchvision's with direct convolutions, also beside readable logits",
    arguments: [false, true])
  func gradients(readsLogits: Bool) throws {
    let planned = try plan(.direct, readsLogits: readsLogits)
    planned.run(backward: true)
    let names = golden.names(after: "gradient/")
    #expect(names.count == 62)
    for name in names {
      let error = try golden.gradientError(of: name, in: planned.plan.parameters)
      #expect(error < 1e-4, "\(name) is \(error) away")
    }
  }

  @Test("ten steps of the training step lose as PyTorch's")
  func steps() throws {
    let plan = try plan(.direct, readsLogits: false).plan
    let rate = try #require(Double(golden.metadata["learning_rate", default: ""]))
    let alone = try MPIEnvironment.start(environment: [:])
    let replica = Replica(
      classifier, plan: plan, communicator: alone.world, batch: try classifier.configuration.batchPlan(ranks: 1),
      totalSteps: 10)
    let images = Array(plan.inputImages)
    let labels = try golden.integers(named: "labels").map { Int($0) }
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

  @Test(
    "ResNet-50 with its strides on the 3x3 convolutions (v1.5) and on the first 1x1 (v1) equals PyTorch's",
    arguments: [
      ("resnet50-classifier", StridePlacement.secondConvolution), ("resnet50-v1-classifier", .firstConvolution),
    ])
  func bottlenecks(file: String, placement: StridePlacement) throws {
    let golden = try TestSupport.golden(named: file)
    var configuration = classifier.configuration
    (configuration.model.depth, configuration.model.stridePlacement) = (.resNet50, placement)
    let planned = try GoldenClassifier(
      golden, try configuration.imageClassifier, images: Shape(4, 3, 64, 64), policy: .direct, readsLogits: true)
    planned.run(backward: true)
    let closeness = Closeness(of: planned.logits, to: try golden.floats(named: "logits"))
    #expect(closeness.relativeL2 < 1e-4, "\(closeness)")
    let expected = Double(try golden.floats(named: "losses")[1])
    #expect(abs(planned.targets.loss / expected - 1) < 1e-4, "\(planned.targets.loss), not \(expected)")
    let names = golden.names(after: "gradient/")
    #expect(names.count == 161)
    for name in names {
      let error = try golden.gradientError(of: name, in: planned.plan.parameters)
      #expect(error < 1e-4, "\(name) is \(error) away")
    }
  }

  @Test("names are torchvision's, and so are the numbers of parameters")
  func parameters() throws {
    func graph(_ depth: ResNetDepth, classes: Int) throws -> Graph {
      var configuration = classifier.configuration
      (configuration.model.depth, configuration.model.classes) = (depth, classes)
      let network = try #require(configuration.task as? Classifier).network
      let graph = Graph()
      network.training(graph, graph.input(Shape(1, 3, 64, 64)))
      return graph
    }
    func learned(_ graph: Graph) -> [Parameter] { graph.parameters.filter { $0.role != .runningStatistic } }
    #expect(Set(learned(try graph(.resNet18, classes: 10)).map(\.name)) == golden.names(after: "gradient/"))
    for (depth, classes, count) in [
      (ResNetDepth.resNet18, 10, golden.number("parameters")), (.resNet18, 1000, 11_689_512),
      (.resNet34, 1000, 21_797_672), (.resNet50, 1000, 25_557_032), (.resNet101, 1000, 44_549_160),
    ] {
      #expect(learned(try graph(depth, classes: classes)).reduce(0) { $0 + $1.shape.count } == count)
    }
  }
}
