import Checkpoints
import Graph
import Models
import Tensors
import TestSupport
import Testing

/// The trunk against torchvision's features, from parameters that both sides make by the same rule.
@Suite struct ResNetGoldenTests {
  /// A trunk planned on the golden's images, with its features and parameters.
  private struct Trunk {
    let golden: SafetensorsFile
    let graph = Graph()
    let features: [Value]
    let plan: Plan

    init(depth: ResNetDepth, isTrained: Bool, policy: AlgorithmPolicy) throws {
      golden = try TestSupport.golden(named: "resnet\(depth.rawValue)-64")
      let rule = GoldenInitialization(seed: UInt32(golden.metadata["seed"] ?? "") ?? 0)
      let shape = Shape(2, 3, 64, 64)
      let trunk = ResNet(
        depth: depth, form: .torchvision,
        batchNorm: BatchNorm(isTrained: isTrained, statistics: .local, retention: 0.9, epsilon: 1e-5))
      features = trunk(graph, graph.input(shape), prefix: "backbone.body.")
      for feature in features { graph.markOutput(feature) }
      plan = Plan(graph, engine: Engine(), mode: .training, policy: policy)
      for parameter in graph.parameters {
        let stored = "statistics/\(parameter.name)"
        let values =
          !isTrained && golden.names.contains(stored)
          ? try golden.floats(named: stored) : rule.parameter(parameter.name, shape: parameter.extents)
        plan.parameters.write(parameter.name, .value, values)
      }
      let images = GoldenInitialization(seed: UInt32(golden.metadata["image_seed"] ?? "") ?? 0)
      _ = plan.inputImages.update(fromContentsOf: images.image(shape: [2, 3, 64, 64]))
      plan.forward(RunContext())
    }
  }

  @Test(
    "features equal torchvision's", arguments: [ResNetDepth.resNet18, .resNet50],
    [(true, AlgorithmPolicy.direct), (false, .direct), (false, .winograd), (true, .timed)])
  func features(depth: ResNetDepth, _ variant: (isTrained: Bool, policy: AlgorithmPolicy)) throws {
    let trunk = try Trunk(depth: depth, isTrained: variant.isTrained, policy: variant.policy)
    for (index, feature) in trunk.features.enumerated() {
      let name = "\(variant.isTrained ? "trained" : "frozen")/c\(index + 2)"
      let actual = trunk.plan.canonicalOutput(feature)
      let sample = GoldenSample.indices(count: actual.count, limit: 4096).map { actual[$0] }
      let closeness = Closeness(of: sample, to: try trunk.golden.floats(named: name))
      #expect(closeness.relativeL2 < 1e-4, "\(name): \(closeness)")
    }
  }

  @Test("running statistics move as torchvision's", arguments: [ResNetDepth.resNet18, .resNet50])
  func runningStatistics(depth: ResNetDepth) throws {
    let trunk = try Trunk(depth: depth, isTrained: true, policy: .direct)
    let names = trunk.graph.parameters.map(\.name).filter { $0.contains("running_") }
    #expect(names.count == (depth == .resNet18 ? 40 : 106))
    for name in names {
      let closeness = Closeness(
        of: trunk.plan.parameters.read(name), to: try trunk.golden.floats(named: "updated/\(name)"))
      #expect(closeness.relativeL2 < 1e-5, "\(name): \(closeness)")
    }
  }

  @Test("parameter names and counts are torchvision's")
  func parameterCount() {
    let graph = Graph()
    let trunk = ResNet(
      depth: .resNet50, form: .torchvision,
      batchNorm: BatchNorm(isTrained: false, statistics: .local, retention: 0.9, epsilon: 1e-5))
    _ = trunk(graph, graph.input(Shape(1, 3, 64, 64)), prefix: "")
    let convolutions = graph.parameters.filter { !$0.isVector }
    // torchvision counts 23,454,912 parameters in the convolutions of ResNet-50.
    #expect(convolutions.reduce(0) { $0 + $1.shape.count } == 23_454_912)
    #expect(convolutions.count == 53)
  }
}
