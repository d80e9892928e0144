import Tensors

/// What batch normalisation knows of each channel; every buffer holds `paddedChannels` values.
///
/// Padded channels have zeros everywhere, which keeps padded lanes zero.
struct BatchNormChannels {
  /// Mean over the counted elements.
  let mean: UnsafeMutablePointer<Float>
  /// Biased variance over the counted elements.
  let variance: UnsafeMutablePointer<Float>
  /// 1 / sqrt(variance + epsilon).
  let inverseDeviation: UnsafeMutablePointer<Float>
  /// gamma * inverseDeviation.
  let scale: UnsafeMutablePointer<Float>
  /// beta - mean * scale.
  let shift: UnsafeMutablePointer<Float>
}

/// Batch normalisation forward (Ioffe and Szegedy, 2015), in three steps so that sums can be reduced between ranks.
enum BatchNormForwardKernel {
  /// The sum and the sum of squares of each channel over all images and pixels.
  ///
  /// Both are exact to Double rounding, so that the variance survives a mean of 1000 deviations.
  static func sums(
    _ x: Elements, _ run: ChannelRun, sum: UnsafeMutablePointer<Double>,
    sumOfSquares: UnsafeMutablePointer<Double>
  ) {
    run.sumSegments(into: sum, sumOfSquares) { segment in
      var sum = DoubleLanes()
      var squares = DoubleLanes()
      @inline(__always)
      func add(_ element: Int, _ width: GroupWidth) {
        let lanes = x.lanes(element, width)
        let low = SIMD8<Double>(lanes.lowHalf)
        let high = SIMD8<Double>(lanes.highHalf)
        sum.low += low
        sum.high += high
        squares.low.addProduct(low, low)
        squares.high.addProduct(high, high)
      }
      forEachGroup(in: segment, add)
      return (sum, squares)
    }
  }

  /// Turns sums over `count` elements a channel into the channels' statistics and their scale and shift.
  ///
  /// `gamma` and `beta` hold C values.
  static func finish(
    sum: UnsafePointer<Double>, sumOfSquares: UnsafePointer<Double>, count: Double, gamma: UnsafePointer<Float>,
    beta: UnsafePointer<Float>, epsilon: Float, _ run: ChannelRun, into channels: BatchNormChannels
  ) {
    for channel in run.channels {
      let mean = sum[channel] / count
      let variance = max(0, sumOfSquares[channel] / count - mean * mean)
      set(channels, channel, mean, variance, gamma[channel], beta[channel], epsilon)
    }
    clearPadding(channels, run)
  }

  /// Takes running statistics, C values each, as the statistics of the channels: inference and frozen layers.
  static func useRunning(
    mean: UnsafePointer<Float>, variance: UnsafePointer<Float>, gamma: UnsafePointer<Float>,
    beta: UnsafePointer<Float>, epsilon: Float, _ run: ChannelRun, into channels: BatchNormChannels
  ) {
    for channel in run.channels {
      set(channels, channel, Double(mean[channel]), Double(variance[channel]), gamma[channel], beta[channel], epsilon)
    }
    clearPadding(channels, run)
  }

  /// Moves the running statistics, C values each: running = retention * running + (1 - retention) * batch.
  ///
  /// `count` is the number of elements behind the batch's statistics. With `unbiased` the variance enters multiplied by
  /// count / (count - 1), as PyTorch and TensorFlow's fused batch normalisation do.
  static func updateRunning(
    mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>, retention: Float, count: Double,
    unbiased: Bool, _ run: ChannelRun, from channels: BatchNormChannels
  ) {
    let correction = unbiased && count > 1 ? count / (count - 1) : 1
    let kept = Double(retention)
    for channel in run.channels {
      let batchVariance = Double(channels.variance[channel]) * correction
      mean[channel] = Float(kept * Double(mean[channel]) + (1 - kept) * Double(channels.mean[channel]))
      variance[channel] = Float(kept * Double(variance[channel]) + (1 - kept) * batchVariance)
    }
  }

  /// y = x * scale + shift for each channel, then ReLU if wanted, then the mask; y may be x.
  static func scaleShift(
    _ x: Elements, _ y: Elements, _ run: ChannelRun, scale: UnsafePointer<Float>,
    shift: UnsafePointer<Float>, relu: Bool, mask: DropMask
  ) {
    // The factor is not negative and rides on scale and shift, because ReLU is positively homogeneous.
    run.forEachSegment { segment in
      let scale = scale.channelLanes(block: segment.block, of: run.channelBlock) * mask.factor
      let shift = shift.channelLanes(block: segment.block, of: run.channelBlock) * mask.factor
      @inline(__always)
      func transform(_ element: Int, _ width: GroupWidth) {
        var value = shift.addingProduct(x.lanes(element, width), scale)
        if relu { value = value.rectified }
        y.store(mask.masked(value, element, width), element, width)
      }
      forEachGroup(in: segment, transform)
    }
  }

  private static func set(
    _ channels: BatchNormChannels, _ channel: Int, _ mean: Double, _ variance: Double, _ gamma: Float, _ beta: Float,
    _ epsilon: Float
  ) {
    let inverseDeviation = 1 / (variance + Double(epsilon)).squareRoot()
    let scale = Double(gamma) * inverseDeviation
    channels.mean[channel] = Float(mean)
    channels.variance[channel] = Float(variance)
    channels.inverseDeviation[channel] = Float(inverseDeviation)
    channels.scale[channel] = Float(scale)
    channels.shift[channel] = Float(Double(beta) - mean * scale)
  }

  private static func clearPadding(_ channels: BatchNormChannels, _ run: ChannelRun) {
    for channel in run.padding {
      channels.mean[channel] = 0
      channels.variance[channel] = 0
      channels.inverseDeviation[channel] = 0
      channels.scale[channel] = 0
      channels.shift[channel] = 0
    }
  }
}
