import Tensors

/// Batch normalisation backward, in two steps so that the sums can be reduced between ranks.
enum BatchNormBackwardKernel {
  /// The sums of g and of g * xhat for each channel: the gradients of beta and gamma.
  ///
  /// xhat = (x - mean) * inverseDeviation. Both results hold `paddedChannels` values. Where a ReLU follows and nothing between,
  /// `rectifies` spares reading its result: x tells where that is positive. Where the normalised branch was joined with a
  /// shortcut, `join` takes what the passes after this one need, because it is read here anyway.
  static func sums(
    _ x: Elements, _ gradient: IncomingGradient, _ run: ChannelRun, channels: BatchNormChannels,
    rectifies: Bool = false,
    sum: UnsafeMutablePointer<Double>, sumOfProducts: UnsafeMutablePointer<Double>, join: JoinGradient = .none
  ) {
    run.sumSegments(into: sum, sumOfProducts) { segment in
      let mean = UnsafePointer(channels.mean).channelLanes(block: segment.block, of: run.channelBlock)
      let rectifier = Rectifier(channels, segment.block, of: run.channelBlock, factor: gradient.factor)
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
            let input = x.lanes(element, width)
            let total = gradient.sumLanes(element, width)
            join.store(total, element, width)
            var lanes = gradient.masked(total, element, width)
            if rectifies { lanes = rectifier.passed(lanes, input) }
            runSum += lanes
            runProducts.addProduct(lanes, input - mean)
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
    for channel in run.paddedChannels {
      sum[channel] *= factor
      sumOfProducts[channel] *= factor * Double(channels.inverseDeviation[channel])
    }
  }

  /// The gradient of x with trained statistics; dx may be the gradient's first buffer.
  ///
  /// dx = gamma * inverseDeviation * (g - sum / count - xhat * sumOfProducts / count), where sums and count cover all
  /// elements that the statistics cover. `gamma` holds C values; `rectifies` is as for the sums.
  static func apply(
    _ x: Elements, _ gradient: IncomingGradient, _ dx: Elements, _ run: ChannelRun,
    gamma: UnsafePointer<Float>, channels: BatchNormChannels, rectifies: Bool = false, sum: UnsafePointer<Double>,
    sumOfProducts: UnsafePointer<Double>, count: Double
  ) {
    let padded = run.shape.paddedChannels
    // dx = g * slope + (x - mean) * curve + offset: the channel's constants, worked out once in Double.
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 3 * max(padded, 1)) { constants in
      guard let slope = constants.baseAddress else { return }
      let curve = slope + padded
      let level = curve + padded
      for channel in run.padding { (slope[channel], curve[channel], level[channel]) = (0, 0, 0) }
      for channel in run.channels {
        let inverseDeviation = Double(channels.inverseDeviation[channel])
        let scale = Double(gamma[channel]) * inverseDeviation
        slope[channel] = Float(scale * Double(gradient.factor))
        curve[channel] = Float(-scale * inverseDeviation * sumOfProducts[channel] / count)
        level[channel] = Float(-scale * sum[channel] / count)
      }
      run.forEachSegment { segment in
        let slope = UnsafePointer(slope).channelLanes(block: segment.block, of: run.channelBlock)
        let curve = UnsafePointer(curve).channelLanes(block: segment.block, of: run.channelBlock)
        let level = UnsafePointer(level).channelLanes(block: segment.block, of: run.channelBlock)
        let mean = UnsafePointer(channels.mean).channelLanes(block: segment.block, of: run.channelBlock)
        let rectifier = Rectifier(channels, segment.block, of: run.channelBlock, factor: gradient.factor)
        @inline(__always)
        func transform(_ element: Int, _ width: GroupWidth) {
          let input = x.lanes(element, width)
          var lanes = gradient.lanes(element, width)
          if rectifies { lanes = rectifier.passed(lanes, input) }
          let rest = level.addingProduct(input - mean, curve)
          dx.store(rest.addingProduct(lanes, slope), element, width)
        }
        forEachGroup(in: segment, transform)
      }
    }
  }

  /// The gradient of x with constant statistics, g * scale; dx may be the gradient's first buffer, `join.sum` another one.
  static func applyFrozen(
    _ gradient: IncomingGradient, _ dx: Elements?, _ run: ChannelRun, scale: UnsafePointer<Float>,
    join: JoinGradient = .none
  ) {
    let dx = OptionalElements(dx)
    run.forEachSegment { segment in
      let scale = scale.channelLanes(block: segment.block, of: run.channelBlock) * gradient.factor
      @inline(__always)
      func transform(_ element: Int, _ width: GroupWidth) {
        let total = gradient.sumLanes(element, width)
        join.store(total, element, width)
        dx.value?.store(gradient.masked(total, element, width) * scale, element, width)
      }
      forEachGroup(in: segment, transform)
    }
  }

  /// Writes the gradients of gamma and beta, C values each, or adds to them.
  static func parameterGradients(
    sum: UnsafePointer<Double>, sumOfProducts: UnsafePointer<Double>, _ run: ChannelRun,
    gamma: UnsafeMutablePointer<Float>, beta: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    for channel in run.channels {
      gamma[channel] = Float(sumOfProducts[channel]) + (accumulate ? gamma[channel] : 0)
      beta[channel] = Float(sum[channel]) + (accumulate ? beta[channel] : 0)
    }
  }
}

/// The ReLU of a batch normalisation, worked out again from its input.
private struct Rectifier {
  private let scale: Lanes
  private let shift: Lanes

  /// That of a channel block, with the factor of its mask: the numbers of the forward pass to the last bit.
  @inline(__always)
  init(_ channels: BatchNormChannels, _ block: Int, of channelBlock: Int, factor: Float) {
    scale = UnsafePointer(channels.scale).channelLanes(block: block, of: channelBlock) * factor
    shift = UnsafePointer(channels.shift).channelLanes(block: block, of: channelBlock) * factor
  }

  /// The gradient where the result of x was positive.
  @inline(__always)
  func passed(_ gradient: Lanes, _ x: Lanes) -> Lanes {
    gradient.kept(where: shift.addingProduct(x, scale) .> 0)
  }
}
