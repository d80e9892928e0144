import Tensors
import Testing

@testable import Graph

@Suite struct BufferPlacementTests {
  @Test("buffers that live at the same time never share bytes", arguments: [1, 2, 3, 4, 5])
  func noOverlap(seed: UInt64) {
    var random = RandomSequence(Philox(seed: seed, stream: 0), 0, 0, 0)
    let stepCount = 60
    let buffers = (0..<200).map { index in
      let buffer = Buffer(
        "\(index)", byteCount: 1 + Int(random.nextWord() % 100_000), isPersistent: random.nextWord() % 20 == 0)
      let first = Int(random.nextWord()) % stepCount
      buffer.use(at: first)
      buffer.use(at: min(stepCount - 1, first + Int(random.nextWord() % 10)))
      return buffer
    }
    let (offsets, byteCount) = placeBuffers(buffers, stepCount: stepCount)
    for a in buffers.indices {
      #expect(offsets[a] % 64 == 0 && offsets[a] + buffers[a].byteCount <= byteCount)
      for b in buffers.indices where b < a {
        let alive =
          buffers[a].isPersistent || buffers[b].isPersistent
          || (buffers[a].firstStep <= buffers[b].lastStep && buffers[b].firstStep <= buffers[a].lastStep)
        let disjoint =
          offsets[a] + buffers[a].byteCount <= offsets[b] || offsets[b] + buffers[b].byteCount <= offsets[a]
        #expect(!alive || disjoint, "\(a) and \(b)")
      }
    }
    // Lifetimes of a tenth of the plan must not add up to all buffers side by side.
    #expect(byteCount < buffers.reduce(0) { $0 + $1.byteCount } / 2)
  }
}

@Suite struct ParameterStoreTests {
  private func plan() -> Plan {
    let graph = Graph()
    let images = graph.input(Shape(1, 3, 32, 32))
    let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-5)
    var x = graph.convolution(
      "a", images, channels: 20, .square(3, padding: 1), initializer: .heFanOut, bias: .constant(0.5))
    x = graph.batchNorm("n", x, norm, activation: .relu)
    x = graph.convolution("b", x, channels: 37, .square(1), initializer: .heFanOut)
    graph.focalLoss("loss", x, level: 0, anchors: 1, classes: 37, alpha: 0.25, gamma: 2)
    return Plan(graph, engine: Engine(), mode: .training, policy: .direct)
  }

  @Test("a tensor reads back as it was written, whatever layout it lives in")
  func roundTrip() {
    let store = plan().parameters
    for parameter in store.parameters {
      let values = (0..<parameter.shape.count).map { Float($0) - 7.25 }
      store.write(parameter.name, .value, values)
      #expect(store.read(parameter.name) == values, "\(parameter.name)")
    }
  }

  @Test("gradients lie in the order in which backward completes them, statistics last")
  func order() {
    let store = plan().parameters
    let offsets = ["b.weight", "n.weight", "a.weight", "n.running_mean"].map { store.entry($0).offset }
    #expect(offsets == offsets.sorted())
    #expect(store.entry("n.running_mean").offset >= store.trainedEnd)
    // Batch-norm is not decayed, the convolutions with their biases are.
    #expect(store.decayRuns.map(\.decays) == [true, false, true])
    #expect(store.trainedRanges.first?.lowerBound == ParameterStore.headCount)
    #expect(store.trainedRanges.last?.upperBound == store.statisticsRange.lowerBound)
    #expect(store.statisticsRange.upperBound == store.gradientCount)
  }

  @Test("initial values depend on the seed and the name alone")
  func initialValues() {
    let weight = Parameter.weight("w", Shape(64, 32, 3, 3), role: .frozen, .heFanOut)
    #expect(weight.initialValues(seed: 1) == weight.initialValues(seed: 1))
    #expect(weight.initialValues(seed: 1) != weight.initialValues(seed: 2))
    let values = weight.initialValues(seed: 1).map(Double.init)
    let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
    // sqrt(2 / (64 * 9)); 18,432 draws leave half a percent.
    #expect(abs(deviation / 0.058_925_565 - 1) < 0.02)
    let truncated = Parameter.weight("w", Shape(64, 32, 3, 3), role: .frozen, .truncatedFanIn)
    let bounded = truncated.initialValues(seed: 1)
    let spread = (bounded.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(bounded.count)).squareRoot()
    #expect(abs(spread / (1 / 288.0).squareRoot() - 1) < 0.02)
    #expect((bounded.map(abs).max() ?? 0) <= 2 * Float((1 / 288.0).squareRoot()) / 0.879)
  }
}
