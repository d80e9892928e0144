import Checkpoints
import Graph
import Models
import Tensors
import TestSupport
import Testing

@testable import Training

/// Small networks of AmoebaNet-B's cells, transcribed to PyTorch and run in float64; `Tests/Goldens/amoebanet.py`.
@Suite(.serialized) struct AmoebaNetGoldenTests {
  /// With the stem for large images and with that for small ones.
  static let files = ["amoebanet", "amoebanet-small"]

  private func network(_ golden: SafetensorsFile) throws -> AmoebaNet {
    let norm = BatchNorm(
      isTrained: true, statistics: .local, retention: try #require(Float(golden.metadata["retention", default: ""])),
      epsilon: try #require(Float(golden.metadata["epsilon", default: ""])))
    var network = AmoebaNet(batchNorm: norm, classes: golden.number("num_classes"))
    (network.cells, network.filters) = (golden.number("cells"), golden.number("filters"))
    network.stem = try #require(AmoebaNet.Stem(rawValue: golden.metadata["stem", default: ""]))
    network.labelSmoothing = try #require(Float(golden.metadata["label_smoothing", default: ""]))
    network.auxiliaryWeight = try #require(Float(golden.metadata["auxiliary_weight", default: ""]))
    return network
  }

  private func shape(_ golden: SafetensorsFile) -> Shape {
    let extents = golden.metadata["shape", default: ""].split(separator: ",").compactMap { Int($0) }
    return Shape(extents[0], extents[1], extents[2], extents[3])
  }

  private func planned(_ golden: SafetensorsFile, _ policy: AlgorithmPolicy, readsLogits: Bool) throws
    -> GoldenClassifier
  {
    try GoldenClassifier(
      golden, try network(golden), images: shape(golden), policy: policy, readsLogits: readsLogits)
  }

  @Test("logits and both losses equal those of the transcription with any algorithm", arguments: files)
  func outputs(file: String) throws {
    let golden = try TestSupport.golden(named: file)
    for policy in [AlgorithmPolicy.direct, .winograd, .only(.products)] {
      let planned = try planned(golden, policy, readsLogits: true)
      planned.run()
      let closeness = Closeness(of: planned.logits, to: try golden.floats(named: "logits"))
      #expect(closeness.relativeL2 < 1e-4, "\(policy): \(closeness)")
      let losses = try golden.floats(named: "losses").map(Double.init)
      let auxiliary = try #require(planned.targets.auxiliaryLoss)
      #expect(abs(auxiliary / losses[1] - 1) < 1e-4, "\(policy): \(auxiliary), not \(losses[1])")
      #expect(abs(planned.targets.loss / losses[2] - 1) < 1e-4, "\(policy): \(planned.targets.loss), not \(losses[2])")
      #expect(planned.targets.correctCount == golden.number("correct"))
      #expect(planned.targets.results.count == 3)
    }
  }

  @Test(
    "the gradient of every parameter and the running statistics equal those of the transcription", arguments: files,
    [AlgorithmPolicy.direct, .winograd, .only(.products)])
  func gradients(file: String, policy: AlgorithmPolicy) throws {
    let golden = try TestSupport.golden(named: file)
    let planned = try planned(golden, policy, readsLogits: false)
    planned.run(backward: true)
    let store = planned.plan.parameters
    let names = golden.names(after: "gradient/")
    #expect(names == Set(store.parameters.filter { $0.role != .runningStatistic }.map(\.name)))
    let all = Double(try golden.floats(named: "gradient_norm")[0])
    let isDirect = planned.plan.choices.choices.values.allSatisfy { $0 == .direct }
    for name in names {
      let error = try golden.gradientError(of: name, in: store)
      let norm = Double(try golden.floats(named: "norm/\(name)")[0])
      // 1e-4 of the parameter's own gradient, or where that is small, of a ten-thousandth of all; three times as much for methods
      // that sum in another order, since batch-norm over a few pixels enlarges what rounding leaves.
      let limit = (isDirect ? 1e-4 : 3e-4) * max(1, 1e-4 * all / norm)
      #expect(error < limit, "\(name) is \(error) away, at most \(limit)")
    }
    for name in golden.names(after: "updated/") {
      let closeness = Closeness(of: store.read(name, .value), to: try golden.floats(named: "updated/\(name)"))
      #expect(closeness.relativeL2 < 1e-4, "\(name): \(closeness)")
    }
  }

  @Test("inference has the transcription's logits, with batch-norms folded and alone", arguments: files, [true, false])
  func inference(file: String, folds: Bool) throws {
    let golden = try TestSupport.golden(named: file)
    let trained = try planned(golden, .direct, readsLogits: false).plan
    for name in golden.names(after: "statistics/") {
      trained.parameters.write(name, .value, try golden.floats(named: "statistics/\(name)"))
    }
    let graph = Graph()
    let logits = try network(golden)(graph, graph.input(shape(golden)))
    graph.markOutput(logits)
    let plan = Plan(
      graph, engine: Engine(), mode: .inference, policy: .direct, foldsBatchNorm: folds, sharing: trained.parameters)
    _ = plan.inputImages.update(fromContentsOf: Array(trained.inputImages))
    plan.forward(RunContext())
    let closeness = Closeness(of: plan.canonicalOutput(logits), to: try golden.floats(named: "evaluated/logits"))
    #expect(closeness.relativeL2 < 1e-4, "\(closeness)")
  }

  @Test("the numbers of parameters are the transcription's", arguments: files)
  func parameters(file: String) throws {
    let golden = try TestSupport.golden(named: file)
    let graph = Graph()
    try network(golden).training(graph, graph.input(shape(golden)))
    let learned = graph.parameters.filter { $0.role != .runningStatistic }
    let auxiliary = learned.filter { $0.name.hasPrefix("auxiliary.") }
    func numbers(_ parameters: [Parameter]) -> Int { parameters.reduce(0) { $0 + $1.shape.count } }
    #expect(numbers(auxiliary) == golden.number("auxiliary_parameters"))
    #expect(numbers(learned) - numbers(auxiliary) == golden.number("parameters"))
  }
}
