import Tensors

extension ChannelRun {
  /// Adds up two quantities for each channel of the run over all images and pixels.
  ///
  /// `body` returns sixteen lanes of partial sums of a segment. Segments are combined in Double and in one fixed order, so that the result
  /// does not depend on the number of threads. `first` and `second` hold values of all channels and receive those of the
  /// run.
  func sumSegments(
    into first: UnsafeMutablePointer<Double>, _ second: UnsafeMutablePointer<Double>,
    _ body: (ChannelSegment) -> (DoubleLanes, DoubleLanes)
  ) {
    withUnsafeTemporaryAllocation(of: (DoubleLanes, DoubleLanes).self, capacity: max(segments, 1)) { partials in
      guard let partials = partials.baseAddress else { return }
      parallel(segments) { index in (partials + index).initialize(to: body(segment(index))) }
      parallel(blocks.count) { position in
        let block = blocks.lowerBound + position
        var total = (DoubleLanes(), DoubleLanes())
        for segment in 0..<shape.segmentsPerBlock {
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
