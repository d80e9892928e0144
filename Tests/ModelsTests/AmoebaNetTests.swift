import Graph
import Models
import Regularization
import Tensors
import Testing

/// AmoebaNet-B as a graph; oracle: the numbers that the official code has, and the table of the paper.
@Suite struct AmoebaNetTests {
  static let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-5)

  private func published(auxiliaryWeight: Float, masking selection: MaskSelection = .none) -> Graph {
    var network = AmoebaNet(batchNorm: Self.norm, classes: 1001)
    network.auxiliaryWeight = auxiliaryWeight
    let graph = Graph(masking: selection)
    network.training(graph, graph.input(Shape(1, 3, 331, 331)))
    return graph
  }

  private func learned(_ graph: Graph) -> Int {
    graph.parameters.reduce(0) { sum, parameter in
      if case .trained = parameter.role { sum + parameter.shape.count } else { sum }
    }
  }

  @Test("(6, 256) at 331 has 141,751,465 parameters, and 977,124 in its auxiliary head")
  func parameters() {
    let (alone, whole) = (published(auxiliaryWeight: 0), published(auxiliaryWeight: 0.4))
    #expect(learned(alone) == 141_751_465)
    #expect(learned(whole) == 141_751_465 + 977_124)
    let names = Set(whole.parameters.map(\.name)).subtracting(alone.parameters.map(\.name))
    #expect(!names.isEmpty && names.allSatisfy { $0.hasPrefix("auxiliary.") })
  }

  @Test(
    "group 4 is the last ten cells, on maps of 21 and 11 pixels; every batch-norm and every skip connection has a place"
  )
  func places() {
    let graph = published(auxiliaryWeight: 0, masking: MaskSelection(groups: [1, 2, 3, 4]))
    let cells = graph.maskSites.reduce(into: [MaskGroup: Set<Int>]()) {
      $0[$1.place.group, default: []].insert($1.place.depth)
    }
    #expect(cells == [1: [1, 2], 2: Set(3...8), 3: Set(9...12), 4: Set(13...22)])
    let sides = graph.maskSites.reduce(into: [MaskGroup: Set<Int>]()) {
      $0[$1.place.group, default: []].insert($1.shape.h)
    }
    #expect(sides == [1: [165, 83, 42], 2: [42], 3: [42, 21], 4: [21, 11]])
    let norms = graph.parameters.filter { $0.role == .runningStatistic }.count / 2
    let skips = graph.maskSites.filter { $0.place.role == .shortcut }
    #expect(graph.maskSites.count - skips.count == norms)
    // One "none" of states 1 and 2 in each normal cell; of states 2 and 3 in each reduction.
    #expect(skips.count == 2 * 18 + 2 * 4)
  }
}
