import TestSupport
import Tensors
import Testing

@testable import Graph

/// Each pass of a convolution alone, by every method, against the defining sum in Double.
@Suite(.serialized) struct ConvolutionAlgorithmTests {
  /// One weight and the maps that it is applied to.
  struct Case: CustomTestStringConvertible {
    var images = 2
    /// Rows and columns of each map.
    var maps: [(h: Int, w: Int)]
    var channels = (input: 48, output: 48)
    var kernel = 3
    var stride = 1
    var padding: Padding?
    var hasBias = true

    var testDescription: String {
      "\(images) x \(maps), \(channels.input) to \(channels.output), k\(kernel) s\(stride)"
    }
  }

  /// 3x3 kernels of 256 channels: the maps of a 640-pixel image at P4 and P7, an odd rectangle, those that tiles of 4 and 3
  /// fit, and the levels of a pyramid at once.
  static let largeCases = [
    Case(maps: [(40, 40)], channels: (256, 256)), Case(maps: [(5, 5)], channels: (256, 256)),
    Case(images: 1, maps: [(13, 22)], channels: (256, 256)), Case(maps: [(7, 14)], channels: (256, 256)),
    Case(maps: [(20, 20), (10, 10), (5, 5), (3, 3)], channels: (256, 256)),
  ]

  /// Maps of a few pixels, strides, other kernels, blocks that channels do not fill, and one-sided padding.
  static let smallCases = [
    Case(images: 8, maps: [(1, 1)]), Case(images: 7, maps: [(2, 2)]), Case(maps: [(1, 2)]),
    Case(images: 6, maps: [(2, 2)], stride: 2), Case(maps: [(1, 4)], stride: 2), Case(maps: [(2, 2)], hasBias: false),
    Case(images: 9, maps: [(4, 4)], kernel: 1), Case(maps: [(3, 5)], channels: (40, 36), kernel: 1),
    Case(maps: [(9, 7)], channels: (36, 72), stride: 2),
    Case(maps: [(12, 11)], channels: (24, 8), kernel: 1, stride: 2),
    Case(maps: [(8, 9)], channels: (8, 20), kernel: 5), Case(maps: [(6, 6)], channels: (20, 28)),
    Case(maps: [(8, 8), (4, 4), (2, 2)], channels: (24, 36)), Case(maps: [(5, 4), (3, 2)], kernel: 1),
    Case(
      maps: [(10, 10)], channels: (16, 24), stride: 2, padding: Padding(top: 0, left: 0, bottom: 1, right: 1)),
    Case(maps: [(11, 6)], channels: (16, 24), padding: Padding(top: 0, left: 2, bottom: 2, right: 0)),
    Case(maps: [(9, 9)], channels: (16, 16), padding: Padding(top: 0, left: 0, bottom: 0, right: 0)),
  ]

  @Test(
    "large maps: 5e-6 of the defining sum, weight gradients 1e-5", arguments: ConvolutionAlgorithm.allCases, largeCases)
  func large(algorithm: ConvolutionAlgorithm, layer: Case) throws { try check(layer, algorithm) }

  @Test("small maps and odd shapes: the same", arguments: ConvolutionAlgorithm.allCases, smallCases)
  func small(algorithm: ConvolutionAlgorithm, layer: Case) throws { try check(layer, algorithm) }

  @Test(
    "own methods give the same bits with any number of threads", arguments: [ConvolutionAlgorithm.winograd, .products])
  func threads(algorithm: ConvolutionAlgorithm) throws {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    for layer in [Self.largeCases[4], Self.smallCases[0], Self.smallCases[8]] {
      let results = [1, 2, 3].map { count in
        ThreadPool.setThreadCount(count)
        let run = LayerRun(layer, algorithm)
        return run.sinks.map(\.tensor) + run.sources.map(\.gradient)
          + [run.plan.parameters.read("layer.weight", .gradient)]
      }
      for (index, result) in results.enumerated() {
        #expect(result == results[0], "\(index + 1) threads, \(layer.testDescription)")
      }
    }
  }

  private func check(_ layer: Case, _ algorithm: ConvolutionAlgorithm) throws {
    let run = LayerRun(layer, algorithm)
    let (plan, sources, sinks, oracles, bias) = (run.plan, run.sources, run.sinks, run.oracles, run.bias)
    func check(_ pass: String, _ actual: [Float], limit: Double = 5e-6, _ expected: (Int) -> Double) {
      let indices = GoldenSample.indices(count: actual.count, limit: 500)
      let closeness = Closeness(of: indices.map { actual[$0] }, to: indices.map { Float(expected($0)) })
      #expect(closeness.relativeL2 < limit, "\(pass): \(closeness)")
    }
    for (index, oracle) in oracles.enumerated() {
      check("forward", sinks[index].tensor) {
        oracle.result($0) + (layer.hasBias ? Double(bias[$0 / oracle.output.area % oracle.output.c]) : 0)
      }
      check("backward data", sources[index].gradient, oracle.inputGradient)
    }
    check("backward weights", plan.parameters.read("layer.weight", .gradient), limit: 1e-5) { element in
      oracles.reduce(0) { $0 + $1.weightGradient(element) }
    }
    if layer.hasBias {
      check("backward bias", plan.parameters.read("layer.bias", .gradient)) { channel in
        oracles.reduce(0) { $0 + $1.biasGradient(channel) }
      }
    }
    expectChosen(algorithm, plan, layer)
  }

  /// Winograd's tiles are for 3x3 kernels of stride 1; where oneDNN has nothing but a reference, products replace it.
  private func expectChosen(_ algorithm: ConvolutionAlgorithm, _ plan: Plan, _ layer: Case) {
    #expect(plan.choices.choices.count == 3)
    for (key, chosen) in plan.choices.choices {
      switch algorithm {
      case .winograd where layer.kernel == 3 && layer.stride == 1: #expect(chosen == .winograd, "\(key)")
      case .products: #expect(chosen == .products, "\(key)")
      case .direct, .winograd: #expect(chosen == .direct || chosen == .products, "\(key)")
      }
    }
    let references = plan.operations.filter(\.isReference)
    #expect(references.isEmpty)
  }
}

/// A convolution alone, run forward and backward on numbers that a rule gives.
private struct LayerRun {
  let plan: Plan
  let sources: [ProbeSource]
  let sinks: [ProbeSink]
  let oracles: [DefiningSum]
  let bias: [Float]

  init(_ layer: ConvolutionAlgorithmTests.Case, _ algorithm: ConvolutionAlgorithm) {
    let rule = GoldenInitialization(seed: 3)
    let padding =
      layer.padding
      ?? .same(Shape(1, 1, layer.maps[0].h, layer.maps[0].w), kernel: layer.kernel, stride: layer.stride)
    let extents = [layer.channels.output, layer.channels.input, layer.kernel, layer.kernel]
    let weight = rule.parameter("layer.weight", shape: extents)
    let bias = rule.parameter("layer.bias", shape: [layer.channels.output])
    let graph = Graph()
    let sources = layer.maps.map {
      ProbeSource(graph, Shape(layer.images, layer.channels.input, $0.h, $0.w), forgetsOutput: false)
    }
    sources.forEach(graph.append)
    let outputs = graph.convolution(
      "layer", sources.map(\.value), channels: layer.channels.output, kernel: layer.kernel, stride: layer.stride,
      padding: padding, initializer: .constant(0), bias: layer.hasBias ? .constant(0) : nil)
    let sinks = outputs.map(ProbeSink.init)
    sinks.forEach(graph.append)
    let plan = Plan(graph, engine: Engine(), mode: .training, policy: .only(algorithm))
    plan.parameters.write("layer.weight", .value, weight)
    if layer.hasBias { plan.parameters.write("layer.bias", .value, bias) }
    let oracles = zip(sources, sinks).enumerated().map { index, ends in
      DefiningSum(
        x: rule.uniform("x\(index)", count: ends.0.value.shape.count),
        outputGradient: rule.uniform("dy\(index)", count: ends.1.value.shape.count), weight: weight,
        input: ends.0.value.shape, output: ends.1.value.shape, kernel: layer.kernel, stride: layer.stride,
        padding: padding)
    }
    for (index, oracle) in oracles.enumerated() {
      sources[index].tensor = oracle.x
      sinks[index].gradient = oracle.outputGradient
    }
    plan.forward(RunContext())
    plan.backward(RunContext())
    (self.plan, self.sources, self.sinks, self.oracles, self.bias) = (plan, sources, sinks, oracles, bias)
  }
}

/// Single elements of the passes of a convolution, in Double.
private struct DefiningSum {
  let x: [Float]
  let outputGradient: [Float]
  let weight: [Float]
  let input: Shape
  let output: Shape
  let kernel: Int
  let stride: Int
  let padding: Padding

  private func split(_ index: Int, _ shape: Shape) -> (n: Int, c: Int, y: Int, x: Int) {
    let (plane, pixel) = index.quotientAndRemainder(dividingBy: shape.area)
    return (plane / shape.c, plane % shape.c, pixel / shape.w, pixel % shape.w)
  }

  /// A value of a map, zero outside of it.
  private func at(_ map: [Float], _ shape: Shape, _ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double {
    guard y >= 0, y < shape.h, x >= 0, x < shape.w else { return 0 }
    return Double(map[((n * shape.c + c) * shape.h + y) * shape.w + x])
  }

  private var taps: Int { kernel * kernel }

  func result(_ index: Int) -> Double {
    let place = split(index, output)
    var sum = 0.0
    for i in 0..<input.c {
      for tap in 0..<taps {
        let (row, column) = (
          place.y * stride + tap / kernel - padding.top, place.x * stride + tap % kernel - padding.left
        )
        sum += at(x, input, place.n, i, row, column) * Double(weight[(place.c * input.c + i) * taps + tap])
      }
    }
    return sum
  }

  func inputGradient(_ index: Int) -> Double {
    let place = split(index, input)
    var sum = 0.0
    for o in 0..<output.c {
      for tap in 0..<taps {
        let (row, column) = (place.y + padding.top - tap / kernel, place.x + padding.left - tap % kernel)
        if row % stride != 0 || column % stride != 0 { continue }
        sum +=
          at(outputGradient, output, place.n, o, row / stride, column / stride)
          * Double(weight[(o * input.c + place.c) * taps + tap])
      }
    }
    return sum
  }

  func weightGradient(_ index: Int) -> Double {
    let (pair, tap) = index.quotientAndRemainder(dividingBy: taps)
    let (o, i) = pair.quotientAndRemainder(dividingBy: input.c)
    var sum = 0.0
    for n in 0..<output.n {
      for row in 0..<output.h {
        for column in 0..<output.w {
          let (y, x) = (row * stride + tap / kernel - padding.top, column * stride + tap % kernel - padding.left)
          sum += at(outputGradient, output, n, o, row, column) * at(self.x, input, n, i, y, x)
        }
      }
    }
    return sum
  }

  func biasGradient(_ channel: Int) -> Double {
    var sum = 0.0
    for n in 0..<output.n {
      for pixel in 0..<output.area {
        sum += at(outputGradient, output, n, channel, pixel / output.w, pixel % output.w)
      }
    }
    return sum
  }
}
