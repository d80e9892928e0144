import Glibc
import Tensors

/// The cross-entropy of class logits (N, K, 1, 1) with smoothed labels, and its gradient in the same pass.
///
/// The truth of an image is 1 - smoothing on its class plus smoothing / K on every class. An image's logits lie
/// together: with one pixel its channel blocks follow each other.
struct SoftmaxCrossEntropyKernel {
  /// The logits, with K channels and one pixel.
  let shape: BlockedShape
  /// The share of the truth that is spread over all classes, in 0..<1.
  let smoothing: Float

  init(shape: BlockedShape, smoothing: Float) {
    require(shape.area == 1, "class logits have one pixel, not \(shape.h)x\(shape.w)")
    require(smoothing >= 0 && smoothing < 1, "label smoothing \(smoothing) outside 0..<1")
    (self.shape, self.smoothing) = (shape, smoothing)
  }

  /// What was found about one image.
  struct Result {
    /// The cross-entropy.
    var loss = 0.0
    /// Whether its class has the largest logit, the first of equals.
    var isCorrect = false
  }

  /// Writes the gradient of `weight` times the sum of losses and returns what was found about each image.
  ///
  /// `gradient` may be `logits`. A logit that is NaN or +infinity gives a loss that is not finite.
  func run(
    _ logits: Elements, gradient: Elements, classes: [Int], weight: Float
  ) -> [Result] {
    require(classes.count == shape.n, "\(classes.count) labels for \(shape.n) images")
    for label in classes { require(label >= 0 && label < shape.c, "class \(label) of \(shape.c) classes") }
    return [Result](unsafeUninitializedCapacity: shape.n) { results, count in
      let base = results.baseAddress
      parallel(shape.n) { image in
        let first = image * shape.paddedChannels
        base?.advanced(by: image).initialize(
          to: run(logits + first, gradient + first, label: classes[image], weight: weight))
      }
      count = shape.n
    }
  }

  /// The same for one image.
  private func run(
    _ logits: Elements, _ gradient: Elements, label: Int, weight: Float
  ) -> Result {
    let index = Lanes(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
    @inline(__always)
    func isClass(_ element: Int) -> SIMDMask<SIMD16<Int32>> { index .< Float(shape.c - element) }

    var largest = Lanes(repeating: -.infinity)
    var plain = DoubleLanes()
    forEachGroup(in: 0..<shape.paddedChannels) { element, width in
      let x = logits.lanes(element, width)
      largest.replace(with: x, where: (x .> largest) .& isClass(element))
      plain.add(x.kept(where: isClass(element)))
    }
    let maximum = largest.max()
    var exponentials = DoubleLanes()
    forEachGroup(in: 0..<shape.paddedChannels) { element, width in
      let x = logits.lanes(element, width)
      exponentials.add((x - maximum).exponentialOfNegative.kept(where: isClass(element)))
    }
    let sum = exponentials.total
    let own = Double(logits[label])
    let everyShare = Double(smoothing) / Double(shape.c)
    let ownShare = 1 - Double(smoothing)
    let loss = Double(maximum) + log(sum) - ownShare * own - everyShare * plain.total
    let best = (0..<shape.c).first { logits[$0] == maximum }

    let scale = Float(Double(weight) / sum)
    let share = Float(Double(weight) * everyShare)
    let ownProbability = Double((Lanes(repeating: logits[label]) - maximum).exponentialOfNegative[0]) / sum
    forEachGroup(in: 0..<shape.paddedChannels) { element, width in
      let slope = (logits.lanes(element, width) - maximum).exponentialOfNegative * scale - share
      gradient.store(slope.kept(where: isClass(element)), element, width)
    }
    gradient[label] = Float(Double(weight) * (ownProbability - everyShare - ownShare))
    return Result(loss: loss, isCorrect: best == label)
  }
}
