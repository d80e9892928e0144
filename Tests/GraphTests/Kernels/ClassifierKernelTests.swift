import Glibc
import Tensors
import Testing

@testable import Graph

/// Oracles: sums in Double over dense values, and central differences of the loss written out in Double.
@Suite struct ClassifierKernelTests {
  let arena = KernelArena()

  /// A mean has one rounding, and each pixel's share of its gradient two.
  @Test("the global average and its gradient", arguments: KernelShapes.all)
  func average(shape: BlockedShape) {
    let pooled = BlockedShape(n: shape.n, c: shape.c, h: 1, w: 1, channelBlock: shape.channelBlock)
    let x = KernelShapes.random(shape, seed: 80, mean: 0.5)
    let y = arena.tensor(pooled)
    GlobalAveragePoolKernel.forward(arena.tensor(x, shape).values, shape, y.values)
    let means = (0..<shape.n * shape.c).map { map in
      x[map * shape.area..<(map + 1) * shape.area].reduce(0) { $0 + Double($1) } / Double(shape.area)
    }
    #expect(KernelShapes.worst(y.dense, means, relative: 6e-8) == nil)
    #expect(y.isTidy)

    let gradient = KernelShapes.random(pooled, seed: 81)
    let dx = arena.tensor(shape)
    GlobalAveragePoolKernel.backward(arena.tensor(gradient, pooled).values, dx.values, shape)
    let shares = x.indices.map { Double(gradient[$0 / shape.area]) / Double(shape.area) }
    #expect(KernelShapes.worst(dx.dense, shares, relative: 1.5e-7) == nil)
    #expect(dx.isTidy)
  }

  /// Images, classes and channels a block, with a last block that is full, half full or nearly empty.
  static let shapes: [BlockedShape] = [8, 16].flatMap { block in
    [(1, 2), (3, 16), (2, 24), (4, 10), (5, 1000), (2, 33)].map { n, classes in
      BlockedShape(n: n, c: classes, h: 1, w: 1, channelBlock: block)
    }
  }

  private func labels(_ shape: BlockedShape) -> [Int] { (0..<shape.n).map { ($0 * 7 + 3) % shape.c } }

  /// The exponential of a lane is within 3e-7 of the exact value, and so is each probability.
  @Test("the cross-entropy and its gradient", arguments: shapes, [Float(0), 0.1])
  func crossEntropy(shape: BlockedShape, smoothing: Float) {
    let logits = KernelShapes.random(shape, seed: 82, mean: -1, deviation: 4)
    let labels = labels(shape)
    let weight: Float = 0.25
    let kernel = SoftmaxCrossEntropyKernel(shape: shape, smoothing: smoothing)
    let gradient = arena.tensor(shape)
    let found = kernel.run(
      arena.tensor(logits, shape).values, gradient: gradient.values, classes: labels, weight: weight)
    var expected: [Double] = []
    for image in 0..<shape.n {
      let row = logits[image * shape.c..<(image + 1) * shape.c].map { Double($0) }
      let truth = loss(row, labels[image], Double(smoothing))
      #expect((found[image].loss - truth).magnitude <= 1e-6 * (1 + truth), "image \(image)")
      #expect(found[image].isCorrect == (row.indices.max { row[$0] < row[$1] } == labels[image]))
      for index in row.indices {
        var (above, below) = (row, row)
        above[index] += 1e-4
        below[index] -= 1e-4
        let slope = loss(above, labels[image], Double(smoothing)) - loss(below, labels[image], Double(smoothing))
        expected.append(Double(weight) * slope / 2e-4)
      }
    }
    // Differences with this step are within 2e-9 of the slope; where label and probability nearly cancel, or a
    // probability and its share of the smoothing, the error is that of numbers near the weight.
    #expect(KernelShapes.worst(gradient.dense, expected, absolute: 1e-7, relative: 1e-6) == nil)
    #expect(gradient.isTidy)

    let inPlace = arena.tensor(logits, shape)
    let again = kernel.run(inPlace.values, gradient: inPlace.values, classes: labels, weight: weight)
    #expect(inPlace.bits == gradient.bits && again.map(\.loss) == found.map(\.loss))
  }

  @Test("an image is correct where its class is the first of the largest logits")
  func correct() {
    let shape = BlockedShape(n: 4, c: 3, h: 1, w: 1, channelBlock: 16)
    let logits = arena.tensor([1, 3, 2, 5, 5, 1, 5, 5, 1, 0, 0, 0], shape)
    let results = SoftmaxCrossEntropyKernel(shape: shape, smoothing: 0)
      .run(logits.values, gradient: arena.tensor(shape).values, classes: [1, 0, 1, 2], weight: 1)
    #expect(results.map(\.isCorrect) == [true, true, false, false])
    #expect((results[3].loss - log(3)).magnitude < 1e-6)
  }

  @Test("logits far apart neither overflow nor vanish, and what is not a number shows in the loss")
  func extremes() {
    let shape = BlockedShape(n: 4, c: 2, h: 1, w: 1, channelBlock: 8)
    let logits = arena.tensor([1e30, -1e30, 200, -200, .nan, 0, .infinity, 0], shape)
    let gradient = arena.tensor(shape)
    let results = SoftmaxCrossEntropyKernel(shape: shape, smoothing: 0)
      .run(logits.values, gradient: gradient.values, classes: [0, 1, 1, 1], weight: 1)
    #expect(results[0].loss == 0 && results[1].loss == 400)
    #expect(!results[2].loss.isFinite && !results[3].loss.isFinite)
    #expect(gradient.dense[2...3] == [1, -1])
  }

  @Test("threads do not change a bit", arguments: shapes)
  func threads(shape: BlockedShape) {
    let logits = arena.tensor(KernelShapes.random(shape, seed: 83), shape)
    let kernel = SoftmaxCrossEntropyKernel(shape: shape, smoothing: 0.1)
    #expect(
      KernelShapes.isSameForAllThreads {
        let gradient = arena.tensor(shape)
        let results = kernel.run(logits.values, gradient: gradient.values, classes: labels(shape), weight: 1)
        return gradient.bits.map { UInt64($0) } + results.map(\.loss.bitPattern)
      })
  }

  /// The cross-entropy against smoothed labels, in Double.
  private func loss(_ logits: [Double], _ label: Int, _ smoothing: Double) -> Double {
    let largest = logits.max() ?? 0
    let logarithm = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
    return logits.enumerated().reduce(0) { sum, logit in
      let truth = (logit.offset == label ? 1 - smoothing : 0) + smoothing / Double(logits.count)
      return sum + truth * (logarithm - logit.element)
    }
  }
}
