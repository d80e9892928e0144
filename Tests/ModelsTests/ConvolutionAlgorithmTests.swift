import Graph
import Tensors
import TestSupport
import Testing

/// Each pass of a 3x3 convolution of 256 channels alone, against the defining sum in Double on a sample.
@Suite(.serialized) struct ConvolutionAlgorithmTests {
  /// The maps of a 640-pixel image at P4 and P7, and an odd rectangle.
  static let shapes = [Shape(2, 256, 40, 40), Shape(2, 256, 5, 5), Shape(1, 256, 13, 22)]

  @Test("every pass is within 1e-5 of the defining sum", arguments: [AlgorithmPolicy.direct, .winograd], shapes)
  func passes(policy: AlgorithmPolicy, shape: Shape) throws {
    let probe = Probe(shape, policy: policy) { graph, value in
      graph.convolution(
        "layer", value, channels: 256, kernel: 3, padding: .symmetric(1), initializer: .constant(0), bias: .constant(0))
    }
    let rule = GoldenInitialization(seed: 3)
    let weight = rule.parameter("layer.weight", shape: [256, 256, 3, 3])
    let bias = rule.parameter("layer.bias", shape: [256])
    let oracle = DefiningSum(
      x: rule.uniform("x", count: shape.count), outputGradient: rule.uniform("dy", count: shape.count), weight: weight,
      shape: shape)
    probe.plan.parameters.write("layer.weight", .value, weight)
    probe.plan.parameters.write("layer.bias", .value, bias)
    probe.run(oracle.x, outputGradient: oracle.outputGradient)
    let output = try #require(probe.sink).tensor

    func check(_ pass: String, _ actual: [Float], _ expected: (Int) -> Double) {
      let indices = GoldenSample.indices(count: actual.count, limit: 500)
      let closeness = Closeness(of: indices.map { actual[$0] }, to: indices.map { Float(expected($0)) })
      #expect(closeness.relativeL2 < 1e-5, "\(pass) of \(shape): \(closeness)")
    }
    check("forward", output) { oracle.output($0) + Double(bias[$0 / (shape.h * shape.w) % 256]) }
    check("backward data", probe.source.gradient, oracle.inputGradient)
    check("backward weights", probe.plan.parameters.read("layer.weight", .gradient), oracle.weightGradient)
    check("backward bias", probe.plan.parameters.read("layer.bias", .gradient), oracle.biasGradient)

    // oneDNN has Winograd's algorithm for AVX-512 only; elsewhere the planner has one candidate.
    let wanted: ConvolutionAlgorithm =
      policy.isWinograd && probe.plan.channelBlock == 16 ? .winograd : .direct
    #expect(probe.plan.choices.choices.values.map(\.rawValue) == [String](repeating: wanted.rawValue, count: 3))
  }
}

/// The passes on maps of a few pixels, where weights are expanded and the images of weight gradients merged.
///
/// Oracle: the direct algorithm, which `ConvolutionAlgorithmTests` compares with the defining sum.
@Suite(.serialized) struct SmallMapConvolutionTests {
  struct Case: CustomTestStringConvertible {
    var height = 2
    var width = 2
    var stride = 1
    var kernel = 3
    var channels = 48
    var hasBias = false
    /// Whether the convolution runs twice, one behind the other, with the same weights.
    var isShared = false

    var testDescription: String { "\(height)x\(width) k\(kernel) s\(stride) c\(channels) \(hasBias) \(isShared)" }
  }

  static let cases = [
    Case(height: 1, width: 1), Case(), Case(height: 1, width: 2), Case(stride: 2), Case(height: 1, width: 4, stride: 2),
    Case(hasBias: true), Case(isShared: true), Case(kernel: 1), Case(height: 4, width: 4, kernel: 1),
    Case(height: 3, width: 5, kernel: 1, channels: 40, hasBias: true),
    Case(height: 4, width: 4, kernel: 1, isShared: true),
  ]

  @Test("an expanded weight, or merged images, give what the direct algorithm gives", arguments: cases)
  func equalsDirect(layer: Case) throws {
    let shape = Shape(6, layer.channels, layer.height, layer.width)
    let rule = GoldenInitialization(seed: 3)
    func run(_ algorithm: ConvolutionAlgorithm) throws -> (plan: Plan, tensors: [String: [Float]]) {
      let probe = Probe(shape, policy: .only(algorithm)) { graph, value in
        func convolution(_ value: Value) -> Value {
          graph.convolution(
            "layer", value, channels: layer.channels, kernel: layer.kernel, stride: layer.stride,
            padding: .same(value.shape, kernel: layer.kernel, stride: layer.stride), initializer: .constant(0),
            bias: layer.hasBias ? .constant(0) : nil, activation: .relu)
        }
        return layer.isShared ? convolution(convolution(value)) : convolution(value)
      }
      let extents = [layer.channels, layer.channels, layer.kernel, layer.kernel]
      probe.plan.parameters.write("layer.weight", .value, rule.parameter("layer.weight", shape: extents))
      if layer.hasBias {
        probe.plan.parameters.write("layer.bias", .value, rule.parameter("layer.bias", shape: [layer.channels]))
      }
      let output = ((layer.height - 1) / layer.stride + 1) * ((layer.width - 1) / layer.stride + 1)
      probe.run(
        rule.uniform("x", count: shape.count),
        outputGradient: rule.uniform("dy", count: 6 * layer.channels * output))
      var tensors = ["output": try #require(probe.sink).tensor, "input gradient": probe.source.gradient]
      for name in ["layer.weight", "layer.bias"] where name == "layer.weight" || layer.hasBias {
        tensors[name] = probe.plan.parameters.read(name, .gradient)
      }
      return (probe.plan, tensors)
    }
    let expected = try run(.direct)
    let actual = try run(layer.kernel == 1 ? .merged : .expanded)
    for (name, values) in expected.tensors {
      let closeness = Closeness(of: actual.tensors[name] ?? [], to: values)
      #expect(closeness.relativeL2 < 1e-6 && values.contains { $0 != 0 }, "\(name): \(closeness)")
    }
    for (key, chosen) in actual.plan.choices.choices {
      let isWeights = key.hasPrefix("backward weights")
      let wanted: ConvolutionAlgorithm =
        if layer.kernel == 1 {
          isWeights ? .merged : .direct
        } else {
          // Expansion needs blocks of 16 channels, and folds no gradient of a bias.
          actual.plan.channelBlock == 16 && !(isWeights && layer.hasBias) ? .expanded : .direct
        }
      #expect(chosen == wanted, "\(key)")
    }
  }
}

extension AlgorithmPolicy {
  fileprivate var isWinograd: Bool {
    switch self {
    case .only(.winograd): true
    case .only, .timed, .estimated: false
    }
  }
}

/// Single elements of the passes of a 3x3 convolution with padding 1 and as many outputs as inputs, in Double.
private struct DefiningSum {
  let x: [Float]
  let outputGradient: [Float]
  let weight: [Float]
  let shape: Shape

  private func split(_ index: Int) -> (n: Int, c: Int, y: Int, x: Int) {
    let (plane, pixel) = index.quotientAndRemainder(dividingBy: shape.h * shape.w)
    return (plane / shape.c, plane % shape.c, pixel / shape.w, pixel % shape.w)
  }

  /// A value of a map, zero outside of it.
  private func at(_ map: [Float], _ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double {
    guard y >= 0, y < shape.h, x >= 0, x < shape.w else { return 0 }
    return Double(map[((n * shape.c + c) * shape.h + y) * shape.w + x])
  }

  func output(_ index: Int) -> Double {
    let place = split(index)
    var sum = 0.0
    for i in 0..<shape.c {
      for tap in 0..<9 {
        sum +=
          at(x, place.n, i, place.y + tap / 3 - 1, place.x + tap % 3 - 1)
          * Double(weight[(place.c * shape.c + i) * 9 + tap])
      }
    }
    return sum
  }

  func inputGradient(_ index: Int) -> Double {
    let place = split(index)
    var sum = 0.0
    for o in 0..<shape.c {
      for tap in 0..<9 {
        sum +=
          at(outputGradient, place.n, o, place.y - tap / 3 + 1, place.x - tap % 3 + 1)
          * Double(weight[(o * shape.c + place.c) * 9 + tap])
      }
    }
    return sum
  }

  func weightGradient(_ index: Int) -> Double {
    let (pair, tap) = index.quotientAndRemainder(dividingBy: 9)
    let (o, i) = pair.quotientAndRemainder(dividingBy: shape.c)
    var sum = 0.0
    for n in 0..<shape.n {
      for row in 0..<shape.h {
        for column in 0..<shape.w {
          sum += at(outputGradient, n, o, row, column) * at(x, n, i, row + tap / 3 - 1, column + tap % 3 - 1)
        }
      }
    }
    return sum
  }

  func biasGradient(_ channel: Int) -> Double {
    var sum = 0.0
    for n in 0..<shape.n {
      for pixel in 0..<shape.h * shape.w { sum += at(outputGradient, n, channel, pixel / shape.w, pixel % shape.w) }
    }
    return sum
  }
}
