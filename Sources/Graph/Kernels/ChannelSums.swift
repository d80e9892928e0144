import Tensors

extension BlockedShape {
  /// Adds up two quantities for each channel over all images and pixels.
  ///
  /// `body` returns sixteen lanes of partial sums of a segment. Segments are combined in Double and in one fixed order, so that the result
  /// does not depend on the number of threads. `first` and `second` receive `paddedChannels` values.
  func sumSegments(
    into first: UnsafeMutablePointer<Double>, _ second: UnsafeMutablePointer<Double>,
    _ body: (ChannelSegment) -> (DoubleLanes, DoubleLanes)
  ) {
    let units = channelSegments
    withUnsafeTemporaryAllocation(of: (DoubleLanes, DoubleLanes).self, capacity: max(units, 1)) { partials in
      guard let partials = partials.baseAddress else { return }
      parallel(units) { unit in (partials + unit).initialize(to: body(channelSegment(unit))) }
      parallel(channelBlocks) { block in
        var total = (DoubleLanes(), DoubleLanes())
        for segment in 0..<segmentsPerBlock {
          let partial = partials[index(ofSegment: segment, block: block)]
          total.0.low += partial.0.low
          total.0.high += partial.0.high
          total.1.low += partial.1.low
          total.1.high += partial.1.high
        }
        write(total.0, to: first, block)
        write(total.1, to: second, block)
      }
    }
  }

  private func write(_ sums: DoubleLanes, to channels: UnsafeMutablePointer<Double>, _ block: Int) {
    let destination = channels + block * channelBlock
    for lane in 0..<8 {
      if channelBlock == 16 {
        destination[lane] = sums.low[lane]
        destination[lane + 8] = sums.high[lane]
      } else {
        destination[lane] = sums.low[lane] + sums.high[lane]
      }
    }
  }
}
