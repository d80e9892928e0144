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
    /// What `kernel` and `stride` do not say; without it SAME on the first map.
    var stated: Window?
    var groups = 1
    var isDepthwise: Bool { groups == channels.input && groups == channels.output }
    var hasBias = true

    var window: Window { stated ?? .same(kernel, stride: stride, on: Shape(1, 1, maps[0].h, maps[0].w)) }

    var testDescription: String {
      "\(images) x \(maps), \(channels.input) to \(channels.output), \(window) in \(groups)"
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
      maps: [(10, 10)], channels: (16, 24),
      stated: Window(rows: WindowAxis(3, stride: 2, after: 1), columns: WindowAxis(3, stride: 2, after: 1))),
    Case(
      maps: [(11, 6)], channels: (16, 24),
      stated: Window(rows: WindowAxis(3, after: 2), columns: WindowAxis(3, before: 2))
    ),
    Case(maps: [(9, 9)], channels: (16, 16), stated: .square(3)),
    // As few channels as images have, inside of a network.
    Case(maps: [(9, 8)], channels: (4, 3), stride: 2), Case(maps: [(6, 7)], channels: (3, 16), kernel: 1),
  ]

  /// Windows whose axes differ, with gaps, and groups of channels.
  static let windowCases = [
    Case(
      maps: [(9, 8)], channels: (24, 16),
      stated: Window(rows: WindowAxis(1), columns: WindowAxis(7, before: 3, after: 3))),
    Case(
      maps: [(9, 8)], channels: (24, 16),
      stated: Window(rows: WindowAxis(7, stride: 2, before: 3, after: 3), columns: WindowAxis(1))),
    Case(maps: [(9, 8)], channels: (16, 16), stated: .square(3, dilation: 2, padding: 2)),
    Case(
      maps: [(13, 12)], channels: (16, 24),
      stated: Window(
        rows: WindowAxis(3, stride: 3, dilation: 2, before: 1, after: 2), columns: WindowAxis(2, stride: 2, dilation: 3)
      )),
    Case(maps: [(11, 12)], channels: (8, 16), stated: .square(3, stride: 2, dilation: 2, padding: 2)),
    Case(maps: [(8, 7)], channels: (32, 32), groups: 32),
    Case(maps: [(8, 7)], channels: (32, 32), stride: 2, groups: 32),
    Case(maps: [(9, 7)], channels: (48, 48), kernel: 5, groups: 48),
    Case(maps: [(6, 5), (3, 3)], channels: (32, 32), groups: 32),
    Case(maps: [(12, 11)], channels: (24, 24), kernel: 5, stride: 2, groups: 24),
    Case(maps: [(14, 9)], channels: (20, 20), stated: .square(3, dilation: 2, padding: 2), groups: 20),
    Case(maps: [(8, 7)], channels: (32, 64), groups: 2),
  ]

  @Test(
    "large maps: 5e-6 of the defining sum, weight gradients 1e-5", arguments: ConvolutionAlgorithm.allCases, largeCases)
  func large(algorithm: ConvolutionAlgorithm, layer: Case) throws { try check(layer, algorithm) }

  @Test("small maps and odd shapes: the same", arguments: ConvolutionAlgorithm.allCases, smallCases)
  func small(algorithm: ConvolutionAlgorithm, layer: Case) throws { try check(layer, algorithm) }

  @Test(
    "rectangular windows, gaps and groups: the same", arguments: ConvolutionAlgorithm.allCases, windowCases)
  func windows(algorithm: ConvolutionAlgorithm, layer: Case) throws { try check(layer, algorithm) }

  @Test(
    "own methods give the same bits with any number of threads", arguments: [ConvolutionAlgorithm.winograd, .products])
  func threads(algorithm: ConvolutionAlgorithm) throws {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    for layer in [Self.largeCases[4], Self.smallCases[0], Self.smallCases[8], Self.windowCases[7]] {
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

  /// Winograd's tiles are for 3x3 kernels of stride 1; where oneDNN has nothing but a reference, products replace it, but not for
  /// groups of several channels.
  private func expectChosen(_ algorithm: ConvolutionAlgorithm, _ plan: Plan, _ layer: Case) {
    #expect(plan.choices.choices.count == 3)
    for (key, chosen) in plan.choices.choices {
      switch algorithm {
      case .winograd where layer.groups == 1 && layer.window.suitsTiles: #expect(chosen == .winograd, "\(key)")
      case .products where layer.groups == 1 || layer.isDepthwise: #expect(chosen == .products, "\(key)")
      case .direct, .winograd, .products: #expect(chosen == .direct || chosen == .products, "\(key)")
      }
    }
    let references = plan.operations.filter(\.isReference)
    #expect(references.isEmpty || (layer.groups > 1 && !layer.isDepthwise), "\(references)")
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
    let window = layer.window
    let extents = [
      layer.channels.output, layer.channels.input / layer.groups, window.rows.length, window.columns.length,
    ]
    let weight = rule.parameter("layer.weight", shape: extents)
    let bias = rule.parameter("layer.bias", shape: [layer.channels.output])
    let graph = Graph()
    let sources = layer.maps.map {
      ProbeSource(graph, Shape(layer.images, layer.channels.input, $0.h, $0.w), forgetsOutput: false)
    }
    sources.forEach(graph.append)
    let outputs = graph.convolution(
      "layer", sources.map(\.value), channels: layer.channels.output, window, groups: layer.groups,
      initializer: .constant(0), bias: layer.hasBias ? .constant(0) : nil)
    let sinks = outputs.map(ProbeSink.init)
    sinks.forEach(graph.append)
    let plan = Plan(graph, engine: Engine(), mode: .training, policy: .only(algorithm))
    plan.parameters.write("layer.weight", .value, weight)
    if layer.hasBias { plan.parameters.write("layer.bias", .value, bias) }
    let oracles = zip(sources, sinks).enumerated().map { index, ends in
      DefiningSum(
        x: rule.uniform("x\(index)", count: ends.0.value.shape.count),
        outputGradient: rule.uniform("dy\(index)", count: ends.1.value.shape.count), weight: weight,
        input: ends.0.value.shape, output: ends.1.value.shape, window: window, groups: layer.groups)
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
  let window: Window
  let groups: Int

  private func split(_ index: Int, _ shape: Shape) -> (n: Int, c: Int, y: Int, x: Int) {
    let (plane, pixel) = index.quotientAndRemainder(dividingBy: shape.area)
    return (plane / shape.c, plane % shape.c, pixel / shape.w, pixel % shape.w)
  }

  /// A value of a map, zero outside of it.
  private func at(_ map: [Float], _ shape: Shape, _ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double {
    guard y >= 0, y < shape.h, x >= 0, x < shape.w else { return 0 }
    return Double(map[((n * shape.c + c) * shape.h + y) * shape.w + x])
  }

  /// The row and the column that a tap of a result reads.
  private func place(_ row: Int, _ column: Int, _ tap: Int) -> (row: Int, column: Int) {
    let (down, across) = tap.quotientAndRemainder(dividingBy: window.columns.length)
    return (
      row * window.rows.stride + down * window.rows.dilation - window.rows.before,
      column * window.columns.stride + across * window.columns.dilation - window.columns.before
    )
  }

  private var taps: Int { window.area }
  /// Channels of a group.
  private var inputs: Int { input.c / groups }
  private var outputs: Int { output.c / groups }

  func result(_ index: Int) -> Double {
    let place = split(index, output)
    var sum = 0.0
    for i in 0..<inputs {
      for tap in 0..<taps {
        let (row, column) = self.place(place.y, place.x, tap)
        sum +=
          at(x, input, place.n, place.c / outputs * inputs + i, row, column)
          * Double(weight[(place.c * inputs + i) * taps + tap])
      }
    }
    return sum
  }

  func inputGradient(_ index: Int) -> Double {
    let place = split(index, input)
    var sum = 0.0
    // What reads the pixel, searched for without any knowledge of how windows are turned.
    var readers: [(row: Int, column: Int, tap: Int)] = []
    for row in 0..<output.h {
      for column in 0..<output.w {
        for tap in 0..<taps where self.place(row, column, tap) == (place.y, place.x) {
          readers.append((row, column, tap))
        }
      }
    }
    for o in place.c / inputs * outputs..<(place.c / inputs + 1) * outputs {
      for (row, column, tap) in readers {
        sum +=
          at(outputGradient, output, place.n, o, row, column)
          * Double(weight[(o * inputs + place.c % inputs) * taps + tap])
      }
    }
    return sum
  }

  func weightGradient(_ index: Int) -> Double {
    let (pair, tap) = index.quotientAndRemainder(dividingBy: taps)
    let (o, i) = pair.quotientAndRemainder(dividingBy: inputs)
    var sum = 0.0
    for n in 0..<output.n {
      for row in 0..<output.h {
        for column in 0..<output.w {
          let (y, x) = place(row, column, tap)
          sum += at(outputGradient, output, n, o, row, column) * at(self.x, input, n, o / outputs * inputs + i, y, x)
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

extension Window {
  /// Whether it is 3x3 without strides or gaps.
  fileprivate var suitsTiles: Bool {
    [rows, columns].allSatisfy { $0.length == 3 && $0.stride == 1 && $0.dilation == 1 }
  }
}
