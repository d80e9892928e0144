import Tensors
import Testing

@testable import Graph

/// Which biases have no gradient.
///
/// Oracle: by hand; that it is zero there, the goldens say.
@Suite struct ChannelShiftTests {
  private static let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-5)

  private func idle(_ describe: (Graph, (String, Value) -> Value, Value) -> Void) -> Set<String> {
    let graph = Graph()
    let x = graph.input(Shape(2, 16, 8, 8))
    func convolution(_ name: String, _ value: Value) -> Value {
      graph.convolution(
        name, value, channels: 16, .square(1), initializer: .constant(0), bias: .constant(0))
    }
    describe(graph, convolution, x)
    return Set(graph.biasesWithoutGradient.map { graph.parameters[$0.index].name })
  }

  @Test("a bias is idle where a trained batch-norm stands on every way from it")
  func ways() {
    let found = idle { graph, convolution, x in
      let frozen = BatchNorm(isTrained: false, statistics: .local, retention: 0.9, epsilon: 1e-5)
      _ = graph.batchNorm("bn1", convolution("idle", x), Self.norm, activation: .relu)
      _ = graph.batchNorm("bn2", convolution("frozen", x), frozen, activation: .relu)
      let output = convolution("output", x)
      graph.markOutput(output)
      _ = graph.batchNorm("bn3", output, Self.norm, activation: .relu)
      _ = convolution("unread", x)
      let both = convolution("both", x)
      _ = graph.batchNorm("bn4", both, Self.norm, activation: .relu)
      _ = convolution("reader", both)
      let pooled = graph.averagePool(
        "mean", graph.maxPool("largest", convolution("pooled", x), .square(3, stride: 2, padding: 1)),
        .square(2, stride: 2))
      _ = graph.batchNorm("bn5", graph.concatenation("concat", [pooled, pooled]), Self.norm, activation: .none)
    }
    #expect(found == ["idle.bias", "pooled.bias"])
  }

  @Test("a shared bias is idle where all its users are, and the other side of a residual sum never is")
  func shared() {
    let found = idle { graph, convolution, x in
      _ = graph.batchNorm("bn1", convolution("twice", x), Self.norm, activation: .relu)
      _ = graph.batchNorm("bn2", convolution("twice", x), Self.norm, activation: .relu)
      _ = graph.batchNorm("bn3", convolution("once", x), Self.norm, activation: .relu)
      _ = convolution("once", x)
      _ = graph.batchNormJoin("bn4", convolution("branch", x), Self.norm, shortcut: convolution("shortcut", x))
    }
    #expect(found == ["twice.bias", "branch.bias"])
  }
}
