import Regularization
import Tensors
import TestSupport
import Testing

@testable import Graph
@testable import ONNX

/// Which operators stand for which operations.
///
/// Oracle: by hand; that they compute the same, `ONNXRuntimeTests` show.
@Suite struct ONNXTranslationTests {
  private static let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-5)

  private func convolution(_ graph: Graph, _ name: String, _ value: Value) -> Value {
    graph.convolution(name, value, channels: 16, .square(1), initializer: .constant(0))
  }

  private func translate(folding: Bool = false, _ describe: (Graph, Value) -> Void) throws -> ONNXTranslation {
    let graph = Graph()
    describe(graph, graph.input(Shape(1, 16, 9, 9)))
    let weights = Plan(graph, engine: Engine(), mode: .inference, policy: .direct).parameters
    return try ONNXTranslation(graph, weights: weights, foldsBatchNorm: folding)
  }

  @Test("a residual block has its batch-norms as operators, or in its convolutions where these have no other reader")
  func batchNorm() throws {
    func block(_ graph: Graph, _ x: Value) {
      let a = graph.batchNorm("bn1", convolution(graph, "conv1", x), Self.norm, activation: .relu)
      let b = convolution(graph, "conv2", a)
      let c = graph.batchNormJoin("bn2", b, Self.norm, shortcut: a)
      let d = convolution(graph, "conv3", c)
      _ = graph.sum("sum", [d, graph.batchNorm("bn3", d, Self.norm, activation: .none)])
    }
    let plain = try translate(block).onnx
    #expect(
      plain.nodes.map(\.type) == [
        "Conv", "BatchNormalization", "Relu", "Conv", "BatchNormalization", "Add", "Relu", "Conv", "BatchNormalization",
        "Sum",
      ])
    let folded = try translate(folding: true, block).onnx
    #expect(
      folded.nodes.map(\.type) == ["Conv", "Relu", "Conv", "Add", "Relu", "Conv", "BatchNormalization", "Sum"])
    #expect(folded.tensors.map(\.name).prefix(2) == ["bn1.folded_weight", "bn1.folded_bias"])
  }

  @Test("a convolution of several maps has its weight once, and Dropout is no operator")
  func shared() throws {
    let onnx = try translate { graph, x in
      let small = graph.maxPool("pool", graph.dropout("dropout", x, keepProbability: 0.5), .square(2, stride: 2))
      _ = graph.convolution("head", [x, small], channels: 4, .square(1), initializer: .constant(0))
    }.onnx
    #expect(onnx.nodes.map(\.type) == ["MaxPool", "Conv", "Conv"])
    #expect(onnx.nodes[0].inputs == ["images"])
    #expect(onnx.tensors.map(\.name) == ["head.weight"])
  }

  @Test("an operation that ONNX has no form of is code 78, named, with what to do")
  func missing() throws {
    func expectMissing(_ words: String, _ describe: (Graph, Value) -> Void) {
      let error = thrown(InputError.self) { try translate(describe) }
      #expect(error?.exitCode == .badConfiguration)
      let text = error?.description ?? ""
      #expect(text.hasPrefix(words) && text.contains("no form in ONNX; export the weights with"), "\(text)")
    }
    expectMissing("loss: a loss of training") { graph, x in graph.pixelCrossEntropy("loss", x) }
    expectMissing("mean: an average pool with gaps (k2 s1 d3") { graph, x in
      _ = graph.averagePool("mean", x, .square(2, dilation: 3))
    }
  }
}
