import Tensors

// Note [Bucket order]
// The gradient arena is laid out in the order in which gradients complete, so a bucket is one slice of it and its
// allreduce copies nothing. Every rank posts bucket 0, 1, 2, ... in this order, whatever completes first, because MPI
// matches collectives by their order.
//
// Numbers that are no gradients ride along: floats reserved in front of the first gradient (the non-finite flag, the
// losses, counts for metrics) fall into bucket 0, which arrives first; floats behind the last gradient (the running
// statistics of batch-norm) fall into the last bucket. They are complete when the owner has written them, like a
// gradient, and they are summed like one: the reader divides by the number of ranks. Where gradients are rounded on
// their way, these have exact buckets of their own.

/// The slices of the gradient arena that are summed over ranks one by one; see Note [Bucket order].
public struct GradientBuckets: Sendable, Equatable {
  /// The ranges of the arena, in floats, in the order of their reduction; gaps between ranges of one bucket included.
  public let ranges: [Range<Int>]
  /// For each bucket, whether its numbers must never be rounded on their way.
  public let isExact: [Bool]

  /// Buckets made by hand: ascending and apart; `isExact` is false for all where it is left out.
  public init(ranges: [Range<Int>], isExact: [Bool]? = nil) {
    for (before, after) in zip(ranges, ranges.dropFirst()) {
      require(before.upperBound <= after.lowerBound, "buckets \(before) and \(after) overlap or are out of order")
    }
    (self.ranges, self.isExact) = (ranges, isExact ?? ranges.map { _ in false })
    require(self.isExact.count == ranges.count, "\(ranges.count) buckets, \(self.isExact.count) flags")
  }

  /// Cuts an arena into buckets.
  ///
  /// A bucket is closed once it holds `bucketBytes`, the first one at `firstBucketBytes`: small, so that the first
  /// allreduce starts early (the sizes are PyTorch's). A parameter is never split, so a bucket may be larger by less than
  /// one parameter.
  /// - Parameters:
  ///   - parameters: ranges in floats, ascending and apart, in the order in which their gradients complete; small gaps
  ///     (alignment) are reduced with their bucket.
  ///   - head: the numbers in front of them, which are no gradients; may be empty.
  ///   - tail: the numbers behind them, which are no gradients; may be empty.
  ///   - separatesExact: whether head and tail have exact buckets of their own.
  public static func cut(
    _ parameters: [Range<Int>], head: Range<Int> = 0..<0, tail: Range<Int> = 0..<0, separatesExact: Bool = false,
    firstBucketBytes: Int = 1 << 20, bucketBytes: Int = 25 << 20
  ) -> GradientBuckets {
    require(firstBucketBytes > 0 && bucketBytes > 0, "bucket sizes are positive")
    var parameters = parameters
    if !separatesExact {
      if !head.isEmpty, let first = parameters.first { parameters[0] = head.lowerBound..<first.upperBound }
      if !tail.isEmpty { parameters.append(tail) }
    }
    var ranges: [Range<Int>] = []
    var start = parameters.first?.lowerBound ?? 0
    for (index, parameter) in parameters.enumerated() {
      require(parameter.lowerBound >= start, "parameter range \(parameter) is out of order")
      let bytes = (parameter.upperBound - start) * MemoryLayout<Float>.stride
      if bytes >= (ranges.isEmpty ? firstBucketBytes : bucketBytes) || index == parameters.count - 1 {
        ranges.append(start..<parameter.upperBound)
        if index + 1 < parameters.count { start = parameters[index + 1].lowerBound }
      }
    }
    if !separatesExact { return GradientBuckets(ranges: ranges) }
    let (heads, tails) = (head.isEmpty ? [] : [head], tail.isEmpty ? [] : [tail])
    return GradientBuckets(
      ranges: heads + ranges + tails,
      isExact: heads.map { _ in true } + ranges.map { _ in false } + tails.map { _ in true })
  }
}
