import Tensors

/// The gradient of a convolution's bias: the sums of the gradients of its results over images, pixels and maps.
enum BiasGradientKernel {
  /// Writes one float for each channel; the maps have equal channels.
  static func run(_ gradients: [Elements], _ shapes: [BlockedShape], to bias: UnsafeMutablePointer<Float>) {
    let channels = shapes[0].paddedChannels
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * channels) { sums in
      guard let total = sums.baseAddress else { return }
      sums.initialize(repeating: 0)
      for (gradient, shape) in zip(gradients, shapes) {
        sum(gradient, shape, into: total + channels, total + 2 * channels)
        for channel in 0..<channels { total[channel] += total[channels + channel] }
      }
      for channel in 0..<shapes[0].c { bias[channel] = Float(total[channel]) }
    }
  }

  private static func sum(
    _ gradient: Elements, _ shape: BlockedShape, into sums: UnsafeMutablePointer<Double>,
    _ unused: UnsafeMutablePointer<Double>
  ) {
    shape.whole.sumSegments(into: sums, unused) { segment in
      var sum = DoubleLanes()
      for image in 0..<segment.images {
        // Float lanes add up sixteen groups at most before they enter the Double sums: their rounding stays near 1e-7.
        for start in stride(from: segment.elements.lowerBound, to: segment.elements.upperBound, by: 256) {
          var run = Lanes()
          let part = start..<Swift.min(start + 256, segment.elements.upperBound)
          forEachGroup(in: segment.elements(part, image: image)) { run += gradient.lanes($0, $1) }
          sum.add(run)
        }
      }
      return (sum, DoubleLanes())
    }
  }
}
