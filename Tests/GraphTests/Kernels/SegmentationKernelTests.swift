import Glibc
import Tensors
import Testing

@testable import Graph

/// Oracles: the definitions written out in Double, and central differences.
@Suite struct SegmentationKernelTests {
  let arena = KernelArena()

  /// Coarse and fine extents: the paper's 17 and 33 to 65, odd rectangles, single rows and columns, and no change.
  static let sizes: [((h: Int, w: Int), (h: Int, w: Int))] = [
    ((17, 33), (33, 65)), ((3, 5), (8, 7)), ((1, 4), (6, 9)), ((4, 1), (9, 1)), ((5, 6), (5, 6)), ((3, 3), (1, 2)),
  ]

  /// What each fine pixel takes of each coarse one, along an axis.
  private func shares(coarse: Int, fine: Int) -> [[Double]] {
    (0..<fine).map { position in
      let place = fine > 1 ? Double(position) * Double(coarse - 1) / Double(fine - 1) : 0
      return (0..<coarse).map { max(0, 1 - abs(place - Double($0))) }
    }
  }

  @Test("bilinear upsampling with aligned corners, and its gradient", arguments: sizes.indices, [8, 16])
  func bilinear(index: Int, block: Int) {
    let (from, to) = Self.sizes[index]
    let coarse = BlockedShape(n: 2, c: 21, h: from.h, w: from.w, channelBlock: block)
    let fine = BlockedShape(n: 2, c: 21, h: to.h, w: to.w, channelBlock: block)
    let kernel = BilinearUpsampleKernel(from: coarse, to: fine)
    let x = KernelShapes.random(coarse, seed: 70)
    let (lateral, dy) = (KernelShapes.random(fine, seed: 71), KernelShapes.random(fine, seed: 72))
    let (y, dx) = (arena.tensor(fine), arena.tensor(coarse))
    kernel.forward(arena.tensor(x, coarse).values, arena.tensor(lateral, fine).values, y.values)
    kernel.backward(arena.tensor(dy, fine).values, dx.values)
    let (rows, columns) = (shares(coarse: from.h, fine: to.h), shares(coarse: from.w, fine: to.w))
    var expected = lateral.map { Double($0) }
    var gradient = [Double](repeating: 0, count: x.count)
    for target in expected.indices {
      let (plane, pixel) = target.quotientAndRemainder(dividingBy: fine.area)
      for row in 0..<from.h where rows[pixel / to.w][row] > 0 {
        for column in 0..<from.w where columns[pixel % to.w][column] > 0 {
          let share = rows[pixel / to.w][row] * columns[pixel % to.w][column]
          let source = plane * coarse.area + row * from.w + column
          expected[target] += share * Double(x[source])
          gradient[source] += share * Double(dy[target])
        }
      }
    }
    // Places are computed in floats, so that shares are off by the rounding of a place near 65.
    #expect(KernelShapes.worst(y.dense, expected, absolute: 2e-5) == nil)
    #expect(KernelShapes.worst(dx.dense, gradient, absolute: 5e-5) == nil)
    #expect(y.isTidy && dx.isTidy)
  }

  /// Images, classes and maps, with a last block that is full, half full or nearly empty.
  static let shapes: [BlockedShape] = [8, 16].flatMap { block in
    [(1, 21, 4, 5), (2, 2, 3, 3), (2, 16, 1, 7), (3, 33, 2, 2)].map { n, classes, h, w in
      BlockedShape(n: n, c: classes, h: h, w: w, channelBlock: block)
    }
  }

  @Test("the cross-entropy of pixels and its gradient; void pixels count for nothing", arguments: shapes)
  func crossEntropy(shape: BlockedShape) {
    let logits = KernelShapes.random(shape, seed: 73, mean: -1, deviation: 4)
    let labels = (0..<shape.n * shape.area).map { (pixel: Int) -> UInt8 in
      pixel % 5 == 2 ? SegmentationTargets.void : UInt8((pixel * 7 + 3) % shape.c)
    }
    let weight: Float = 0.25
    let kernel = PixelCrossEntropyKernel(shape: shape)
    let gradient = arena.tensor(shape)
    let found = kernel.run(
      arena.tensor(logits, shape).values, gradient: gradient.values, classes: labels, weight: weight)
    var (loss, correct) = (0.0, 0)
    var expected = [Double](repeating: 0, count: logits.count)
    for (pixel, label) in labels.enumerated() where label != SegmentationTargets.void {
      let places = (0..<shape.c).map {
        pixel / shape.area * shape.c * shape.area + $0 * shape.area + pixel % shape.area
      }
      let row = places.map { Double(logits[$0]) }
      let sum = row.reduce(0) { $0 + exp($1) }
      loss += log(sum) - row[Int(label)]
      if row.indices.max(by: { row[$0] < row[$1] }) == Int(label) { correct += 1 }
      for (index, place) in places.enumerated() {
        expected[place] = Double(weight) * (exp(row[index]) / sum - (index == Int(label) ? 1 : 0))
      }
    }
    #expect(abs(found.loss - loss) < 1e-6 * (1 + loss))
    #expect(found.correctCount == correct)
    #expect(KernelShapes.worst(gradient.dense, expected, absolute: 1e-7, relative: 1e-6) == nil)
    #expect(gradient.isTidy)

    let inPlace = arena.tensor(logits, shape)
    _ = kernel.run(inPlace.values, gradient: inPlace.values, classes: labels, weight: weight)
    #expect(inPlace.bits == gradient.bits)
  }

  @Test("a pixel is right where its class is the first of the largest logits; NaN is no finite loss")
  func extremes() {
    let shape = BlockedShape(n: 1, c: 3, h: 1, w: 4, channelBlock: 8)
    // Pixels are columns: (1, 3, 2), (5, 5, 1), (5, 5, 1), (0, 0, 0).
    let logits = arena.tensor([1, 5, 5, 0, 3, 5, 5, 0, 2, 1, 1, 0], shape)
    let kernel = PixelCrossEntropyKernel(shape: shape)
    let gradient = arena.tensor(shape)
    #expect(kernel.run(logits.values, gradient: gradient.values, classes: [1, 0, 1, 2], weight: 1).correctCount == 2)
    for value in [Float.nan, .infinity] {
      let spoiled = arena.tensor([1, 5, 5, 0, value, 5, 5, 0, 2, 1, 1, 0], shape)
      let result = kernel.run(spoiled.values, gradient: gradient.values, classes: [0, 0, 1, 2], weight: 1)
      #expect(!result.loss.isFinite, "\(value)")
    }
  }

  @Test("targets weigh the pixels that count")
  func targets() {
    let targets = SegmentationTargets(classes: [0, 255, 3, 255, 1, 255])
    #expect(targets.count == 3 && targets.weight == 1 / Float(3))
    let empty = SegmentationTargets(classes: [255, 255])
    #expect(empty.weight == 0 && empty.results == [0, 0])
  }
}
