import Checkpoints
import Graph
import Tensors
import TestSupport
import Testing

/// What the paper's form has and torchvision lacks, one operation at a time; `Tests/Goldens/paper_form.py`, in float64.
@Suite struct PaperOperationTests {
  private static let channels = 16
  private let golden: SafetensorsFile
  private let rule: GoldenInitialization

  init() throws {
    golden = try TestSupport.golden(named: "paper-operations")
    rule = GoldenInitialization(seed: UInt32(golden.metadata["seed"] ?? "") ?? 0)
  }

  @Test(
    "SAME convolutions and pools of stride 2 equal TensorFlow's, forward and backward",
    arguments: [(8, 8), (7, 7), (6, 9), (2, 2), (1, 1)], ["convolution", "pool"])
  func same(size: (height: Int, width: Int), kind: String) throws {
    let key = "\(size.height)x\(size.width)"
    let shape = Shape(2, Self.channels, size.height, size.width)
    let window = Window.same(3, stride: 2, on: shape)
    let probe = Probe(shape) { graph, value in
      kind == "pool"
        ? graph.maxPool("pool", value, window)
        : graph.convolution(
          "layer", value, channels: 32, window, initializer: .constant(0))
    }
    if kind == "convolution" {
      probe.plan.parameters.write(
        "layer.weight", .value, rule.parameter("w\(key)", shape: [32, Self.channels, 3, 3]))
    }
    let output = try golden.floats(named: "\(kind).\(key)/y")
    probe.run(
      rule.uniform("x\(key)", count: shape.count), outputGradient: rule.uniform("dy\(kind)\(key)", count: output.count))
    let forward = Closeness(of: try #require(probe.sink).tensor, to: output)
    let backward = Closeness(of: probe.source.gradient, to: try golden.floats(named: "\(kind).\(key)/dx"))
    // Sums of up to 288 products, rounded as they grow; pooling only chooses and adds at most four.
    #expect(forward.relativeL2 < (kind == "pool" ? 1e-12 : 1e-6), "\(forward)")
    #expect(backward.relativeL2 < 1e-6, "\(backward)")
  }

  @Test("the focal loss with gamma 1.5 and its gradient are those of the official code")
  func focalLoss() throws {
    let classes = try golden.integers(named: "focal/classes").map { Int($0) }
    let map = RowMap(columns: 5)
    let probe = Probe(map.shape) { graph, value in
      graph.focalLoss("loss", value, level: 0, anchors: RowMap.anchors, classes: 5, alpha: 0.25, gamma: 1.5)
      return nil
    }
    let positives = classes.filter { $0 >= 0 }.count
    let targets = DetectionTargets(levelCount: 1, classWeights: [1 / Float(positives + 1)], boxWeights: [0])
    targets.levels[0].positives = classes.indices.filter { classes[$0] >= 0 }.map {
      map.positive(row: $0, classIndex: classes[$0], code: SIMD4())
    }
    probe.run(map.tensor(fromRows: try golden.floats(named: "focal/input")), targets: targets)
    try check(map.rows(from: probe.source.gradient), targets.classLoss, "focal")
  }

  @Test("the box loss is Huber's with delta 0.1 times 50 and leaves out targets of exactly zero")
  func boxLoss() throws {
    let codes = try golden.floats(named: "huber/targets")
    let positives = Int(golden.metadata["positives"] ?? "") ?? 0
    let map = RowMap(columns: 4)
    let probe = Probe(map.shape) { graph, value in
      graph.boxLoss("loss", value, level: 0, anchors: RowMap.anchors, distance: .huber(delta: 0.1))
      return nil
    }
    let targets = DetectionTargets(levelCount: 1, classWeights: [0], boxWeights: [50 / Float(4 * (positives + 1))])
    targets.levels[0].positives = (0..<positives).map { row in
      map.positive(row: row, classIndex: 0, code: SIMD4(codes[(4 * row)..<(4 * row + 4)]))
    }
    // The generator puts one such target among the positives.
    #expect(codes[..<(4 * positives)].contains(0))
    probe.run(map.tensor(fromRows: try golden.floats(named: "huber/input")), targets: targets)
    try check(map.rows(from: probe.source.gradient), targets.boxLoss, "huber")
  }

  private func check(_ gradient: [Float], _ loss: Double, _ name: String) throws {
    let expected = Double(try golden.floats(named: "\(name)/loss")[0])
    // One rounding of the golden's own, and single precision inside of each term.
    #expect(abs(loss / expected - 1) < 1e-6, "\(name): \(loss), not \(expected)")
    let closeness = Closeness(of: gradient, to: try golden.floats(named: "\(name)/gradient"))
    #expect(closeness.relativeL2 < 1e-6, "\(name): \(closeness)")
  }
}

/// The 400 rows of a loss's golden as anchors of a map of 10 x 10 pixels.
private struct RowMap {
  static let anchors = 4
  /// Values of a row.
  let columns: Int

  var shape: Shape { Shape(1, Self.anchors * columns, 10, 10) }

  func positive(row: Int, classIndex: Int, code: SIMD4<Float>) -> PositiveAnchor {
    PositiveAnchor(
      image: 0, pixel: row / Self.anchors, anchor: row % Self.anchors, classIndex: classIndex, code: code)
  }

  private func place(row: Int, column: Int) -> Int {
    (row % Self.anchors * columns + column) * shape.h * shape.w + row / Self.anchors
  }

  func tensor(fromRows rows: [Float]) -> [Float] {
    var tensor = rows
    for index in rows.indices { tensor[place(row: index / columns, column: index % columns)] = rows[index] }
    return tensor
  }

  func rows(from tensor: [Float]) -> [Float] {
    tensor.indices.map { tensor[place(row: $0 / columns, column: $0 % columns)] }
  }
}
