import Graph
import Models
import Tensors
import Testing

/// What a network starts from.
@Suite struct InitializationTests {
  /// The paper's form starts with every residual block as its shortcut (official code); torchvision's does not.
  @Test("the last gamma of each residual block starts at 0 in the paper's form only", arguments: [true, false])
  func lastGamma(isPaper: Bool) {
    for (depth, last, blocks) in [(ResNetDepth.resNet18, "bn2.weight", 8), (.resNet50, "bn3.weight", 16)] {
      let graph = Graph()
      let trunk = ResNet(
        depth: depth, form: isPaper ? .paper : .torchvision,
        batchNorm: BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-5))
      _ = trunk(graph, graph.input(Shape(1, 3, 64, 64)), prefix: "")
      let norms = graph.parameters.filter { $0.isVector && $0.name.hasSuffix(".weight") }
      let zero = norms.filter { $0.initializer == .constant(0) }.map(\.name)
      #expect(zero == (isPaper ? norms.map(\.name).filter { $0.hasPrefix("layer") && $0.hasSuffix(last) } : []))
      #expect(zero.count == (isPaper ? blocks : 0))
      #expect(norms.allSatisfy { zero.contains($0.name) || $0.initializer == .constant(1) })
    }
  }
}
