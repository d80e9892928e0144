import Tensors

/// Batch normalisation backward, in two steps so that the sums can be reduced between ranks.
enum BatchNormBackwardKernel {
  /// The sums of g and of g * xhat for each channel: the gradients of beta and gamma.
  ///
  /// xhat = (x - mean) * inverseDeviation. Both results hold `paddedChannels` values. Where the normalised branch was
  /// joined with a shortcut, `join` takes what the passes after this one need, because it is read here anyway.
  static func sums(
    _ x: Elements, _ gradient: IncomingGradient, _ shape: BlockedShape, mean: UnsafePointer<Float>,
    inverseDeviation: UnsafePointer<Float>, sum: UnsafeMutablePointer<Double>,
    sumOfProducts: UnsafeMutablePointer<Double>, join: JoinGradient? = nil
  ) {
    shape.sumSegments(into: sum, sumOfProducts) { segment in
      let mean = mean.channelLanes(block: segment.block, of: shape.channelBlock)
      var sum = DoubleLanes()
      var products = DoubleLanes()
      // Float lanes add up at most sixteen elements before they enter the Double sums: their rounding stays near 1e-7.
      let imagesPerRun = max(1, 256 / segment.elements.count)
      for image in stride(from: 0, to: segment.images, by: imagesPerRun) {
        for start in stride(from: segment.elements.lowerBound, to: segment.elements.upperBound, by: 256) {
          var runSum = Lanes()
          var runProducts = Lanes()
          @inline(__always)
          func add(_ element: Int, _ width: GroupWidth) {
            let total = gradient.sumLanes(element, width)
            join?.store(total, element, width)
            let lanes = gradient.masked(total, element, width)
            runSum += lanes
            runProducts.addProduct(lanes, x.lanes(element, width) - mean)
          }
          let part = start..<min(start + 256, segment.elements.upperBound)
          for image in image..<min(image + imagesPerRun, segment.images) {
            forEachGroup(in: segment.elements(part, image: image), add)
          }
          sum.add(runSum)
          products.add(runProducts)
        }
      }
      return (sum, products)
    }
    let factor = Double(gradient.factor)
    for channel in 0..<shape.paddedChannels {
      sum[channel] *= factor
      sumOfProducts[channel] *= factor * Double(inverseDeviation[channel])
    }
  }

  /// The gradient of x with trained statistics; dx may be the gradient's first buffer.
  ///
  /// dx = gamma * inverseDeviation * (g - sum / count - xhat * sumOfProducts / count), where sums and count cover all
  /// elements that the statistics cover. `gamma` holds C values.
  static func apply(
    _ x: Elements, _ gradient: IncomingGradient, _ dx: Elements, _ shape: BlockedShape,
    gamma: UnsafePointer<Float>, channels: BatchNormChannels, sum: UnsafePointer<Double>,
    sumOfProducts: UnsafePointer<Double>, count: Double
  ) {
    let padded = shape.paddedChannels
    // dx = g * slope + (x - mean) * curve + offset: the channel's constants, worked out once in Double.
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * max(padded, 1)) { constants in
      guard let slope = constants.baseAddress else { return }
      let curve = slope + padded
      let level = curve + padded
      constants.initialize(repeating: 0)
      for channel in 0..<shape.c {
        let inverseDeviation = Double(channels.inverseDeviation[channel])
        let scale = Double(gamma[channel]) * inverseDeviation
        slope[channel] = Float(scale * Double(gradient.factor))
        curve[channel] = Float(-scale * inverseDeviation * sumOfProducts[channel] / count)
        level[channel] = Float(-scale * sum[channel] / count)
      }
      shape.forEachSegment { segment in
        let slope = UnsafePointer(slope).channelLanes(block: segment.block, of: shape.channelBlock)
        let curve = UnsafePointer(curve).channelLanes(block: segment.block, of: shape.channelBlock)
        let level = UnsafePointer(level).channelLanes(block: segment.block, of: shape.channelBlock)
        let mean = UnsafePointer(channels.mean).channelLanes(block: segment.block, of: shape.channelBlock)
        @inline(__always)
        func transform(_ element: Int, _ width: GroupWidth) {
          let centred = x.lanes(element, width) - mean
          let rest = level.addingProduct(centred, curve)
          dx.store(rest.addingProduct(gradient.lanes(element, width), slope), element, width)
        }
        forEachGroup(in: segment, transform)
      }
    }
  }

  /// The gradient of x with constant statistics, g * scale; dx may be the gradient's first buffer, `join.sum` another one.
  static func applyFrozen(
    _ gradient: IncomingGradient, _ dx: Elements?, _ shape: BlockedShape, scale: UnsafePointer<Float>,
    join: JoinGradient? = nil
  ) {
    let factor = gradient.factor
    shape.forEachSegment { segment in
      let scale = scale.channelLanes(block: segment.block, of: shape.channelBlock) * factor
      @inline(__always)
      func transform(_ element: Int, _ width: GroupWidth) {
        let total = gradient.sumLanes(element, width)
        join?.store(total, element, width)
        dx?.store(gradient.masked(total, element, width) * scale, element, width)
      }
      forEachGroup(in: segment, transform)
    }
  }

  /// Writes the gradients of gamma and beta, C values each, or adds to them.
  static func parameterGradients(
    sum: UnsafePointer<Double>, sumOfProducts: UnsafePointer<Double>, _ shape: BlockedShape,
    gamma: UnsafeMutablePointer<Float>, beta: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    for channel in 0..<shape.c {
      gamma[channel] = Float(sumOfProducts[channel]) + (accumulate ? gamma[channel] : 0)
      beta[channel] = Float(sum[channel]) + (accumulate ? beta[channel] : 0)
    }
  }
}
