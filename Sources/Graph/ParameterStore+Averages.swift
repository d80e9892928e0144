/// Exponential moving averages of the weights and running statistics.
extension ParameterStore {
  /// Where the parameters and the statistics lie, in the averages and in their own arenas.
  private var averagedParts: [(averages: Range<Int>, originals: UnsafeMutablePointer<Float>)] {
    guard let values = valueArena.baseAddress, let gradients = gradientArena.baseAddress else { return [] }
    return [
      (Self.headCount..<trainedEnd, values + Self.headCount), (statisticsRange, gradients + trainedEnd),
    ]
  }

  /// Averages start as copies of the present values.
  public func startAverages() {
    guard let averages = averageArena?.baseAddress else { return }
    for (range, originals) in averagedParts {
      (averages + range.lowerBound).update(from: originals, count: range.count)
    }
  }

  /// Moves the averages of the running statistics, which `descend` does not reach.
  public func averageStatistics(share: Float) {
    guard let averages = averageArena?.baseAddress else { return }
    let statistics = runningStatistics
    guard let base = statistics.baseAddress else { return }
    FlatKernel.approach(averages + trainedEnd, base, count: statistics.count, share: share)
  }

  /// Values and averages change places, bit by bit: before an evaluation of the averages, and after it.
  public func exchangeAverages() {
    guard let averages = averageArena?.baseAddress else { return }
    for (range, originals) in averagedParts {
      FlatKernel.exchange(averages + range.lowerBound, originals, count: range.count)
    }
  }
}
