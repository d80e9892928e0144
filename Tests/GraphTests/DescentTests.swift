import Glibc
import Tensors
import Testing

@testable import Graph

/// Oracle: the published algorithms, element by element in Double over several steps.
@Suite struct DescentTests {
  /// A store with a weight, which decays, and batch-norm's two vectors, which do not.
  private let store: ParameterStore
  private static let steps = 5
  private static let scale: Float = 0.5

  init() {
    let graph = Graph()
    let images = graph.input(Shape(1, 3, 8, 8))
    let x = graph.convolution(
      "conv", images, channels: 20, .square(3, padding: 1), initializer: .heFanOut, bias: .constant(0.5))
    let norm = BatchNorm(isTrained: true, statistics: .local, retention: 0.9, epsilon: 1e-5)
    let y = graph.batchNorm("bn", x, norm, activation: .relu)
    graph.softmaxCrossEntropy("loss", graph.globalAveragePool("pool", y), labelSmoothing: 0)
    store = Plan(graph, engine: Engine(), mode: .training, policy: .direct).parameters
    store.initialize(seed: 5)
  }

  /// Gradients of a step: any numbers, in canonical order.
  private func gradients(_ name: String, step: Int) -> [Float] {
    let count = store.read(name).count
    return (0..<count).map { Float(sin(Double($0 * 7 + step * 13 + name.count))) }
  }

  /// Runs the steps on the store and compares with `move`, which gets an element, its gradient, whether it decays and its
  /// two means, and changes them.
  private func check(
    _ rule: (Int) -> DescentRule, decay: Float = 0.01, decaysBias: Bool = true, squaresAtFirst: Double = 0,
    _ move: (_ name: String, _ step: Int, _ w: inout [Double], _ g: [Double], _ v: inout [Double], _ s: inout [Double])
      ->
      Void
  ) throws {
    let names = ["conv.weight", "conv.bias", "bn.weight", "bn.bias"]
    var weights = Dictionary(uniqueKeysWithValues: names.map { ($0, store.read($0).map(Double.init)) })
    var velocities = weights.mapValues { $0.map { _ in 0.0 } }
    var squares = weights.mapValues { $0.map { _ in squaresAtFirst } }
    for step in 1...Self.steps {
      for name in names { store.write(name, .gradient, gradients(name, step: step)) }
      store.descend(
        0..<store.trainedEnd,
        ParameterStore.Descent(learningRate: 0.1, weightDecay: decay, gradientScale: Self.scale, rule: rule(step)))
      for name in names {
        let decays = name == "conv.weight" || (name == "conv.bias" && decaysBias)
        let g = zip(gradients(name, step: step), weights[name]!).map {
          Double($0) * Double(Self.scale) + (decays ? Double(decay) * $1 : 0)
        }
        move(name, step, &weights[name]!, g, &velocities[name]!, &squares[name]!)
      }
    }
    for name in names {
      let worst = zip(store.read(name), weights[name]!).map { abs(Double($0) - $1) }.max() ?? 1
      // A dozen roundings of numbers near 1.
      #expect(worst < 2e-6, "\(name): \(worst)")
    }
  }

  @Test("Nesterov momentum") func momentum() throws {
    try check({ _ in .momentum(0.9, isNesterov: true) }) { _, _, w, g, v, _ in
      for i in w.indices {
        v[i] = 0.9 * v[i] + g[i]
        w[i] -= 0.1 * (g[i] + 0.9 * v[i])
      }
    }
  }

  @Test("RMSProp with momentum in TensorFlow's form, whose squares start at 1") func rmsProp() throws {
    store.keepSquares(startingAt: 1)
    let rule = DescentRule.rmsProp(momentum: 0.9, squareRetention: 0.9, epsilon: 1e-3)
    try check({ _ in rule }, squaresAtFirst: 1) { _, _, w, g, v, s in
      for i in w.indices {
        s[i] = 0.9 * s[i] + 0.1 * g[i] * g[i]
        v[i] = 0.9 * v[i] + 0.1 * g[i] / (s[i] + 1e-3).squareRoot()
        w[i] -= v[i]
      }
    }
  }

  @Test("Adam as its paper's Algorithm 1") func adam() throws {
    store.keepSquares(startingAt: 0)
    let rule = { DescentRule.adam(momentum: 0.9, squareRetention: 0.999, epsilon: 1e-4, update: $0) }
    try check(rule) { _, step, w, g, v, s in
      for i in w.indices {
        v[i] = 0.9 * v[i] + 0.1 * g[i]
        s[i] = 0.999 * s[i] + 0.001 * g[i] * g[i]
        let (m, r) = (v[i] / (1 - pow(0.9, Double(step))), s[i] / (1 - pow(0.999, Double(step))))
        w[i] -= 0.1 * m / (r.squareRoot() + 1e-4)
      }
    }
  }

  @Test("LARS: a rate for each weight, the plain one for biases and batch-norm") func lars() throws {
    try check({ _ in .layerwise(momentum: 0.9, trust: 0.02) }, decaysBias: false) { name, step, w, g, v, _ in
      var rate = 0.1
      if name == "conv.weight" {
        let norm = w.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let raw = gradients(name, step: step).map { Double($0) * Double(Self.scale) }
        rate *= 0.02 * norm / (raw.reduce(0) { $0 + $1 * $1 }.squareRoot() + 0.01 * norm)
      }
      for i in w.indices {
        v[i] = 0.9 * v[i] + rate * g[i]
        w[i] -= v[i]
      }
    }
  }

  @Test("LARS takes the plain rate where all weights are 0") func larsOfZeros() {
    store.write("conv.weight", .value, store.read("conv.weight").map { _ in 0 })
    for name in ["conv.weight", "conv.bias", "bn.weight", "bn.bias"] {
      store.write(name, .gradient, gradients(name, step: 1))
    }
    store.descend(
      0..<store.trainedEnd,
      .init(learningRate: 0.1, weightDecay: 0.01, gradientScale: 1, rule: .layerwise(momentum: 0.9, trust: 0.02)))
    let moved = zip(store.read("conv.weight"), gradients("conv.weight", step: 1)).map { abs($0 + 0.1 * $1) }.max() ?? 1
    #expect(moved < 1e-7)
  }

  @Test("averages follow weights and statistics, and change places with them without a trace") func averages() {
    store.keepAverages()
    store.startAverages()
    let start = store.read("conv.weight")
    #expect(store.read("conv.weight", .average) == start)
    store.write("conv.weight", .gradient, gradients("conv.weight", step: 1))
    store.descend(
      0..<store.trainedEnd,
      .init(
        learningRate: 0.1, weightDecay: 0, gradientScale: 1, rule: .momentum(0, isNesterov: false), averageShare: 0.25))
    store.write("bn.running_mean", .value, store.read("bn.running_mean").map { _ in 2 })
    store.averageStatistics(share: 0.25)
    let moved = store.read("conv.weight")
    let expected = zip(start, moved).map { $0 + 0.25 * ($1 - $0) }
    let worst = zip(store.read("conv.weight", .average), expected).map { abs($0 - $1) }.max() ?? 1
    #expect(worst < 1e-7)
    #expect(store.read("bn.running_mean", .average).allSatisfy { $0 == 0.5 })

    let average = store.read("conv.weight", .average)
    store.exchangeAverages()
    #expect(store.read("conv.weight") == average && store.read("bn.running_mean").allSatisfy { $0 == 0.5 })
    store.exchangeAverages()
    #expect(store.read("conv.weight") == moved && store.read("bn.running_mean").allSatisfy { $0 == 2 })
    #expect(store.read("conv.weight", .average) == average)
  }
}
