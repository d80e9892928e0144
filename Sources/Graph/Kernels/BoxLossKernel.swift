import Tensors

/// The box loss of one pyramid level and its gradient; only positive anchors take part.
///
/// Channel a * 4 + j is coordinate j of anchor a.
struct BoxLossKernel {
  /// The box predictions of the level, A * 4 channels.
  let shape: BlockedShape
  /// How a coordinate's difference counts.
  let distance: BoxDistance

  init(shape: BlockedShape, distance: BoxDistance) {
    require(shape.c % 4 == 0, "\(shape.c) box channels are no whole number of boxes")
    (self.shape, self.distance) = (shape, distance)
  }

  /// Adds each image's loss to `losses` and writes the gradient of `weights[n]` times it, zero except at positives.
  ///
  /// The losses that are added are not weighted. `gradient` may be `predictions`, or nil where nobody asks. No anchor comes
  /// twice.
  func run(
    _ predictions: Elements, gradient: Elements?, weights: UnsafePointer<Float>,
    positives: [PositiveAnchor], losses: UnsafeMutablePointer<Double>
  ) {
    let slopes = positives.map { positive in
      // Four coordinates never straddle two channel blocks: both sizes are multiples of four.
      let prediction = predictions.quad(offset(positive))
      let (loss, slope) = evaluate(prediction - positive.code, target: positive.code)
      losses[positive.image] += loss
      return slope * weights[positive.image]
    }
    guard let gradient else { return }
    ElementwiseKernel.clear(gradient, count: shape.count)
    for (positive, slope) in zip(positives, slopes) {
      gradient.storeQuad(slope, offset(positive))
    }
  }

  /// The loss of four differences, and its slope.
  private func evaluate(_ difference: SIMD4<Float>, target: SIMD4<Float>) -> (Double, SIMD4<Float>) {
    var loss = 0.0
    var slope = SIMD4<Float>()
    for coordinate in 0..<4 {
      let d = difference[coordinate]
      switch distance {
      case .absolute:
        loss += Double(d.magnitude)
        slope[coordinate] = d > 0 ? 1 : d < 0 ? -1 : 0
      case .huber(let delta):
        if target[coordinate] == 0 { continue }
        let inner = min(d.magnitude, delta)
        loss += Double(inner) * (Double(d.magnitude) - Double(inner) / 2)
        slope[coordinate] = max(-delta, min(delta, d))
      }
    }
    return (loss, slope)
  }

  private func offset(_ positive: PositiveAnchor) -> Int {
    require(
      positive.image >= 0 && positive.image < shape.n && positive.pixel >= 0 && positive.pixel < shape.area
        && positive.anchor >= 0 && positive.anchor < shape.c / 4,
      "image \(positive.image), pixel \(positive.pixel), anchor \(positive.anchor) lie outside \(shape)")
    let channel = positive.anchor * 4
    let plane = positive.image * shape.channelBlocks + channel / shape.channelBlock
    return (plane * shape.area + positive.pixel) * shape.channelBlock + channel % shape.channelBlock
  }
}
