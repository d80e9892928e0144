import Glibc
import Tensors
import Testing

@testable import Graph

/// Oracle of all: the losses written out in Double over dense logits, and their central differences.
@Suite struct LossKernelTests {
  let arena = KernelArena()
  static let alpha: Float = 0.25

  /// One level: images, rows, columns, anchors, classes, channels a block.
  struct Level: CustomTestStringConvertible {
    let shape: BlockedShape
    let anchors: Int
    let classes: Int

    var testDescription: String { shape.testDescription }
  }

  static let levels: [Level] = [8, 16].flatMap { block in
    [(2, 3, 12, 5, 7), (3, 2, 5, 1, 1), (2, 4, 10, 9, 31)].map { n, anchors, classes, h, w in
      Level(
        shape: BlockedShape(n: n, c: anchors * classes, h: h, w: w, channelBlock: block), anchors: anchors,
        classes: classes)
    }
  }

  /// A class sum of a few thousand Float terms, added up in runs of sixteen, and gradients of six roundings each.
  @Test(
    "the focal loss and its gradient, with positives and ignored anchors", arguments: levels, [Float(0), 1.5, 2, 3])
  func focal(level: Level, gamma: Float) {
    let shape = level.shape
    let logits = KernelShapes.random(shape, seed: 60, mean: -2, deviation: 3)
    let (positives, ignored) = targets(level)
    let weights = (0..<shape.n).map { 0.5 + Float($0) }
    var expectedLosses = (0..<shape.n).map { Double($0) }
    var expected = [Double](repeating: 0, count: logits.count)
    for (index, logit) in logits.enumerated() {
      guard let isPositive = label(index, level, positives, ignored) else { continue }
      let image = index / (shape.c * shape.area)
      expectedLosses[image] += focal(Double(logit), isPositive, Double(gamma))
      let step = 1e-5
      let above = focal(Double(logit) + step, isPositive, Double(gamma))
      let below = focal(Double(logit) - step, isPositive, Double(gamma))
      expected[index] = Double(weights[image]) * (above - below) / (2 * step)
    }
    let kernel = FocalLossKernel(
      shape: shape, anchors: level.anchors, classes: level.classes, alpha: Self.alpha, gamma: gamma)
    let gradient = arena.tensor(shape)
    var losses = (0..<shape.n).map { Double($0) }
    kernel.run(
      arena.tensor(logits, shape).values, gradient: gradient.values, weights: weights, positives: positives,
      ignored: ignored, losses: &losses)
    for image in 0..<shape.n {
      #expect((losses[image] / expectedLosses[image] - 1).magnitude <= 1e-6)
    }
    #expect(KernelShapes.worst(gradient.dense, expected, absolute: 3e-9, relative: 3e-6) == nil)
    #expect(gradient.isTidy)

    let inPlace = arena.tensor(logits, shape)
    var again = (0..<shape.n).map { Double($0) }
    kernel.run(
      inPlace.values, gradient: inPlace.values, weights: weights, positives: positives, ignored: ignored,
      losses: &again)
    #expect(inPlace.bits == gradient.bits && again == losses)

    var alone = (0..<shape.n).map { Double($0) }
    kernel.run(
      arena.tensor(logits, shape).values, gradient: nil, weights: weights, positives: positives, ignored: ignored,
      losses: &alone)
    #expect(alone == losses, "without a gradient")
  }

  @Test("threads do not change a bit of the focal loss", arguments: levels)
  func threads(level: Level) {
    let logits = arena.tensor(KernelShapes.random(level.shape, seed: 61), level.shape)
    let (positives, ignored) = targets(level)
    let kernel = FocalLossKernel(
      shape: level.shape, anchors: level.anchors, classes: level.classes, alpha: Self.alpha, gamma: 1.5)
    let weights = [Float](repeating: 1, count: level.shape.n)
    #expect(
      KernelShapes.isSameForAllThreads {
        let gradient = arena.tensor(level.shape)
        var losses = [Double](repeating: 0, count: level.shape.n)
        kernel.run(
          logits.values, gradient: gradient.values, weights: weights, positives: positives, ignored: ignored,
          losses: &losses)
        return gradient.bits + losses.map { UInt32(truncatingIfNeeded: $0.bitPattern ^ $0.bitPattern >> 32) }
      })
  }

  /// Differences are multiples of a hundredth, away from the kinks, so that a step of 1e-5 sees one branch; the
  /// difference of two Floats near one has an error of 1e-7, the slope of Huber's loss as much.
  @Test(
    "the box loss and its gradient", arguments: [8, 16], [BoxDistance.absolute, .huber(delta: 0.1), .huber(delta: 1)])
  func box(channelBlock: Int, distance: BoxDistance) {
    let shape = BlockedShape(n: 2, c: 36, h: 5, w: 7, channelBlock: channelBlock)
    let predictions = KernelShapes.random(shape, seed: 62).map { ($0 * 100).rounded() / 100 + 0.003 }
    var random = RandomSequence(Philox(seed: 63, stream: 0), 0, 0, 0)
    let positives = (0..<20).map { index in
      var code = SIMD4<Float>()
      // Every fifth coordinate has a target of exactly zero, which the Huber form leaves out.
      for j in 0..<4 { code[j] = (index + j) % 5 == 0 ? 0 : (random.normal() * 100).rounded() / 100 }
      return PositiveAnchor(image: index % 2, pixel: index * 17 % 35, anchor: index % 9, classIndex: 0, code: code)
    }
    let weights: [Float] = [0.5, 2]
    var expectedLosses = [3.0, 4]
    var expected = [Double](repeating: 0, count: predictions.count)
    for positive in positives {
      for j in 0..<4 {
        let index = (positive.image * 36 + positive.anchor * 4 + j) * 35 + positive.pixel
        let target = Double(positive.code[j])
        let d = Double(predictions[index]) - target
        expectedLosses[positive.image] += self.distance(d, target, distance)
        let slope = self.distance(d + 1e-5, target, distance) - self.distance(d - 1e-5, target, distance)
        expected[index] = Double(weights[positive.image]) * slope / 2e-5
      }
    }
    let kernel = BoxLossKernel(shape: shape, distance: distance)
    let inPlace = arena.tensor(predictions, shape)
    var losses = [3.0, 4]
    kernel.run(
      inPlace.values, gradient: inPlace.values, weights: weights, positives: positives, losses: &losses)
    #expect((losses[0] - expectedLosses[0]).magnitude <= 1e-5 && (losses[1] - expectedLosses[1]).magnitude <= 1e-5)
    #expect(KernelShapes.worst(inPlace.dense, expected, absolute: 1e-6, relative: 1e-6) == nil)
    #expect(inPlace.isTidy)

    var alone = [3.0, 4]
    kernel.run(
      arena.tensor(predictions, shape).values, gradient: nil, weights: weights, positives: positives, losses: &alone)
    #expect(alone == losses, "without a gradient")
  }

  /// A positive at every third pixel of the first anchor, an ignored one at every fourth of the last.
  private func targets(_ level: Level) -> ([PositiveAnchor], [IgnoredAnchor]) {
    let images = 0..<level.shape.n
    let positives = images.flatMap { image in
      stride(from: image % 2, to: level.shape.area, by: 3).map { pixel in
        PositiveAnchor(
          image: image, pixel: pixel, anchor: 0, classIndex: (pixel + 7 * image) % level.classes, code: SIMD4())
      }
    }
    let ignored = images.flatMap { image in
      stride(from: image % 2, to: level.shape.area, by: 4).map { pixel in
        IgnoredAnchor(image: image, pixel: pixel, anchor: level.anchors - 1)
      }
    }
    return (positives, ignored)
  }

  /// Whether the logit stands for its class or against it; nil if it is ignored.
  private func label(
    _ index: Int, _ level: Level, _ positives: [PositiveAnchor], _ ignored: [IgnoredAnchor]
  ) -> Bool? {
    let pixel = index % level.shape.area
    let channel = index / level.shape.area % level.shape.c
    let image = index / (level.shape.area * level.shape.c)
    let anchor = channel / level.classes
    if ignored.contains(where: { $0.image == image && $0.pixel == pixel && $0.anchor == anchor }) { return nil }
    return positives.contains {
      $0.image == image && $0.pixel == pixel && $0.anchor == anchor && $0.classIndex == channel % level.classes
    }
  }

  private func focal(_ x: Double, _ isPositive: Bool, _ gamma: Double) -> Double {
    let p = 1 / (1 + exp(-x))
    let alpha = Double(Self.alpha)
    // -log(p) and -log(1 - p), without cancellation.
    let positive = log1p(exp(-x.magnitude)) + max(-x, 0)
    let negative = log1p(exp(-x.magnitude)) + max(x, 0)
    return isPositive ? alpha * pow(1 - p, gamma) * positive : (1 - alpha) * pow(p, gamma) * negative
  }

  private func distance(_ d: Double, _ target: Double, _ distance: BoxDistance) -> Double {
    switch distance {
    case .absolute: return d.magnitude
    case .huber(let delta):
      if target == 0 { return 0 }
      let delta = Double(delta)
      return d.magnitude <= delta ? d * d / 2 : delta * d.magnitude - delta * delta / 2
    }
  }
}
