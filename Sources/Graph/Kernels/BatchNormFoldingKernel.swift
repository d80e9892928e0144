import Tensors

/// The parameters of a convolution that normalises what it makes.
enum BatchNormFoldingKernel {
  /// Multiplies each of `rows` rows of `length` weights, in plain order, with its channel's scale; `scaled` may be `weights`.
  static func weights(
    _ weights: UnsafePointer<Float>, _ scaled: UnsafeMutablePointer<Float>, rows: Int, length: Int,
    scale: UnsafePointer<Float>
  ) {
    parallel(rows) { row in
      let factor = scale[row]
      let end = (row + 1) * length
      var element = row * length
      while element &+ 16 <= end {
        scaled.store(weights.lanes(element) * factor, element)
        element &+= 16
      }
      while element < end {
        scaled[element] = weights[element] * factor
        element &+= 1
      }
    }
  }

  /// The shift of each channel and what the scale makes of the convolution's own bias, if it has one.
  static func bias(
    _ own: UnsafePointer<Float>?, _ folded: UnsafeMutablePointer<Float>, count: Int, scale: UnsafePointer<Float>,
    shift: UnsafePointer<Float>
  ) {
    for channel in 0..<count {
      folded[channel] = shift[channel] + (own.map { scale[channel] * $0[channel] } ?? 0)
    }
  }
}
