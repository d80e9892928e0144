import Glibc
import Tensors

/// The cross-entropy of class logits (N, K, H, W) at each pixel, and its gradient in the same pass.
struct PixelCrossEntropyKernel {
  /// The logits, with K channels.
  let shape: BlockedShape

  /// What was found about some pixels.
  struct Result {
    /// The sum of their cross-entropies.
    var loss = 0.0
    /// Pixels whose own class has the largest logit, the first of equals.
    var correctCount = 0
  }

  /// Writes the gradient of `weight` times the sum of losses, zero at pixels that do not count, and returns what was found.
  ///
  /// `gradient` may be `logits`. A logit that is NaN or +infinity gives a loss that is not finite. Rows are summed in their
  /// order, whatever the number of threads.
  func run(_ logits: Elements, gradient: Elements, classes: [UInt8], weight: Float) -> Result {
    require(classes.count == shape.n * shape.area, "\(classes.count) labels for \(shape.n * shape.area) pixels")
    for label in classes where label != SegmentationTargets.void {
      require(label < shape.c, "class \(label) of \(shape.c) classes")
    }
    let rows = [Result](unsafeUninitializedCapacity: shape.n * shape.h) { results, count in
      let base = results.baseAddress
      classes.withUnsafeBufferPointer { classes in
        parallel(shape.n * shape.h) { row in
          base?.advanced(by: row).initialize(to: runRow(row, logits, gradient, classes, weight))
        }
      }
      count = shape.n * shape.h
    }
    return rows.reduce(into: Result()) { sum, row in
      sum.loss += row.loss
      sum.correctCount += row.correctCount
    }
  }

  private func runRow(
    _ row: Int, _ logits: Elements, _ gradient: Elements, _ classes: UnsafeBufferPointer<UInt8>, _ weight: Float
  ) -> Result {
    let (block, width): (Int, GroupWidth) = shape.channelBlock == 16 ? (16, .whole) : (8, .half)
    let (image, y) = row.quotientAndRemainder(dividingBy: shape.h)
    let start = image * shape.channelBlocks * shape.planeElements + y * shape.w * block
    let index = Lanes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    var result = Result()
    for x in 0..<shape.w {
      let pixel = start &+ x &* block
      let label = classes[row &* shape.w &+ x]
      @inline(__always)
      func place(_ part: Int) -> Int { pixel &+ part &* shape.planeElements }
      @inline(__always)
      func isClass(_ part: Int) -> SIMDMask<SIMD16<Int32>> {
        index .< Float(min(block, shape.c &- part &* block))
      }
      if label == SegmentationTargets.void {
        for part in 0..<shape.channelBlocks { gradient.store(Lanes(), place(part), width) }
        continue
      }
      var largest = Lanes(repeating: -.infinity)
      var isNumber = true
      for part in 0..<shape.channelBlocks {
        let value = logits.lanes(place(part), width)
        largest.replace(with: value, where: (value .> largest) .& isClass(part))
        if any((value .!= value) .& isClass(part)) { isNumber = false }
      }
      let maximum = largest.max()
      var exponentials = DoubleLanes()
      for part in 0..<shape.channelBlocks {
        exponentials.add(
          (logits.lanes(place(part), width) - maximum).exponentialOfNegative.kept(where: isClass(part)))
      }
      let sum = exponentials.total
      let (own, lane) = Int(label).quotientAndRemainder(dividingBy: block)
      let logit = logits[place(own) &+ lane]
      result.loss += isNumber ? Double(maximum) + log(sum) - Double(logit) : .nan
      if logit == maximum && !isEarlier(than: Int(label), maximum, logits, pixel, block) { result.correctCount += 1 }
      let scale = Float(Double(weight) / sum)
      for part in 0..<shape.channelBlocks {
        var slope = ((logits.lanes(place(part), width) - maximum).exponentialOfNegative * scale)
          .kept(where: isClass(part))
        if part == own { slope[lane] -= weight }
        gradient.store(slope, place(part), width)
      }
    }
    return result
  }

  /// Whether a class before `label` has the largest logit too.
  private func isEarlier(than label: Int, _ maximum: Float, _ logits: Elements, _ pixel: Int, _ block: Int) -> Bool {
    (0..<label).contains { logits[pixel + $0 / block * shape.planeElements + $0 % block] == maximum }
  }
}
