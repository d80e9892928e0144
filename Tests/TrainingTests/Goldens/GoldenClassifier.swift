import Checkpoints
import Graph
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// A classifier with the parameters, images and labels of a golden file, planned for training.
struct GoldenClassifier {
  let plan: Plan
  let targets: ClassificationTargets
  private let output: Value

  /// Plans a network with its loss for images (N, C, H, W); `readsLogits` makes them an output of the plan.
  init(
    _ golden: SafetensorsFile, _ network: any ImageClassifier, images shape: Shape, policy: AlgorithmPolicy,
    readsLogits: Bool
  ) throws {
    let graph = Graph()
    output = network.training(graph, graph.input(shape)).logits
    if readsLogits { graph.markOutput(output) }
    plan = Plan(graph, engine: Engine(), mode: .training, policy: policy)
    targets = ClassificationTargets(classes: try golden.integers(named: "labels").map { Int($0) })
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
    _ = plan.inputImages.update(fromContentsOf: images.image(shape: [shape.n, shape.c, shape.h, shape.w]))
  }

  /// The logits of the last run, where they are an output.
  var logits: [Float] { plan.canonicalOutput(output) }

  /// Runs a step on the images of the file.
  func run(backward: Bool = false) {
    let context = RunContext(targets: targets)
    plan.forward(context)
    if backward { plan.backward(context) }
  }
}

extension Configuration {
  /// The network of a classifier's configuration.
  var imageClassifier: any ImageClassifier {
    get throws { try #require(task as? Classifier).network }
  }
}
