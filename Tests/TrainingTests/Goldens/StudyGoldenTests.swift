import Checkpoints
import Graph
import Models
import Regularization
import Tensors
import TestSupport
import Testing

@testable import Training

/// One golden file of `Tests/Goldens/study.py`: a network of the study, transcribed to PyTorch and run in float64.
struct StudyGolden: CustomTestStringConvertible, Sendable {
  let file: String
  let network: Configuration.ModelName
  /// Parameters and running statistics, as Keras counts.
  let numbers: Int
  /// Running statistics.
  let statistics: Int
  /// Places where the study has a dropout layer.
  let places: Int

  static let all = [
    StudyGolden(file: "study-customnet", network: .customNet, numbers: 309_290, statistics: 896, places: 3),
    StudyGolden(file: "study-customnet-mnist", network: .customNet, numbers: 299_754, statistics: 896, places: 3),
    StudyGolden(file: "study-resnet", network: .kerasResNet, numbers: 23_608_202, statistics: 53_120, places: 32),
    StudyGolden(file: "study-densenet-mnist", network: .denseNet, numbers: 7_047_370, statistics: 81_472, places: 119),
  ]

  var testDescription: String { file }

  func open() throws -> SafetensorsFile { try TestSupport.golden(named: file) }

  /// The shape of the file's images.
  func images(of golden: SafetensorsFile) -> Shape {
    let extents = golden.metadata["shape", default: ""].split(separator: ",").compactMap { Int($0) }
    return Shape(extents[0], extents[1], extents[2], extents[3])
  }

  func planned(_ golden: SafetensorsFile, policy: AlgorithmPolicy, readsLogits: Bool) throws -> GoldenClassifier {
    try GoldenClassifier(
      golden, try Configuration(network: network).imageClassifier, images: images(of: golden), policy: policy,
      readsLogits: readsLogits)
  }
}

@Suite(.serialized) struct StudyGoldenTests {
  @Test("logits and loss equal those of the transcription with any algorithm", arguments: StudyGolden.all)
  func outputs(study: StudyGolden) throws {
    let golden = try study.open()
    for policy in [AlgorithmPolicy.direct, .winograd, .only(.products)] {
      let planned = try study.planned(golden, policy: policy, readsLogits: true)
      planned.run()
      let closeness = Closeness(of: planned.logits, to: try golden.floats(named: "logits"))
      #expect(closeness.relativeL2 < 1e-4, "\(policy): \(closeness)")
      let expected = Double(try golden.floats(named: "losses")[0])
      #expect(abs(planned.targets.loss / expected - 1) < 1e-4, "\(policy): \(planned.targets.loss), not \(expected)")
    }
  }

  @Test(
    "the gradient of every parameter equals that of the transcription", arguments: StudyGolden.all,
    [AlgorithmPolicy.direct, .only(.products), .winograd])
  func gradients(study: StudyGolden, policy: AlgorithmPolicy) throws {
    let golden = try study.open()
    let planned = try study.planned(golden, policy: policy, readsLogits: false)
    planned.run(backward: true)
    let all = Double(try golden.floats(named: "gradient_norm")[0])
    let isDirect = planned.plan.choices.choices.values.allSatisfy { $0 == .direct }
    let zero = Set(golden.metadata["zero_gradients", default: ""].split(separator: ",").map(String.init))
    for name in golden.names(after: "gradient/") {
      let error = try golden.gradientError(of: name, in: planned.plan.parameters)
      let norm = Double(try golden.floats(named: "norm/\(name)")[0])
      // 1e-4 of the parameter's own gradient, or where that is small, of a ten-thousandth of all; methods that sum in another
      // order are allowed three times as much, since batch-norm over a few pixels enlarges what rounding leaves. A bias in
      // front of a batch-norm has none, where PyTorch's roundings leave 2e-8 of all gradients.
      let allowed = isDirect ? 1e-4 : 3e-4
      let limit = zero.contains(name) ? .leastNonzeroMagnitude : allowed * max(1, 1e-4 * all / norm)
      #expect(error < limit, "\(name) is \(error) away, at most \(limit)")
    }
  }

  @Test(
    "names, and the numbers of parameters, running statistics and places, are the study's", arguments: StudyGolden.all)
  func listing(study: StudyGolden) throws {
    let golden = try study.open()
    let graph = Graph(masking: MaskSelection(groups: [1, 2, 3, 4], roles: [.convolution]))
    var images = study.images(of: golden)
    images.n = 1
    try Configuration(network: study.network).imageClassifier.training(graph, graph.input(images))
    let learned = graph.parameters.filter { $0.role != .runningStatistic }
    let statistics = graph.parameters.filter { $0.role == .runningStatistic }
    #expect(Set(learned.map(\.name)) == golden.names(after: "gradient/"))
    func numbers(_ parameters: [Parameter]) -> Int { parameters.reduce(0) { $0 + $1.shape.count } }
    #expect(numbers(statistics) == study.statistics)
    #expect(numbers(learned) + numbers(statistics) == study.numbers)
    #expect(golden.number("numbers") == study.numbers)
    #expect(graph.maskSites.count == study.places)
  }
}
