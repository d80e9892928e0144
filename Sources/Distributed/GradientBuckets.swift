import Tensors

// Note [Bucket order]
// The gradient arena is laid out in the order in which gradients complete, so a bucket is one slice of it and its
// allreduce copies nothing. Every rank posts bucket 0, 1, 2, ... in this order, whatever completes first, because MPI
// matches collectives by their order.
//
// Numbers that are no gradients ride along as ranges of the same list: floats reserved in front of the first gradient
// (the non-finite flag, the losses, counts for metrics) fall into bucket 0, which arrives first; floats behind the last
// gradient (the running statistics of batch-norm) fall into the last bucket. They are complete when the owner has
// written them, like a gradient, and they are summed like one: the reader divides by the number of ranks.

/// The slices of the gradient arena that are summed over ranks one by one; see Note [Bucket order].
public struct GradientBuckets: Sendable, Equatable {
  /// The ranges of the arena, in floats, in the order of their reduction; gaps between ranges of one bucket included.
  public let ranges: [Range<Int>]
  /// For each bucket, which of the given parameter ranges it holds, by index.
  public let members: [Range<Int>]

  /// Buckets made by hand: ascending and apart.
  public init(ranges: [Range<Int>]) {
    self.init(ranges: ranges, members: ranges.indices.map { $0..<$0 + 1 })
  }

  private init(ranges: [Range<Int>], members: [Range<Int>]) {
    for (before, after) in zip(ranges, ranges.dropFirst()) {
      require(before.upperBound <= after.lowerBound, "buckets \(before) and \(after) overlap or are out of order")
    }
    (self.ranges, self.members) = (ranges, members)
  }

  /// Cuts parameter ranges, in the order in which their gradients complete, into buckets.
  ///
  /// `parameters` are ranges of the arena in floats, ascending and apart; small gaps (alignment) are reduced with their
  /// bucket. A bucket is closed once it holds `bucketBytes`, the first one at `firstBucketBytes`: small, so that
  /// the first allreduce starts early (the sizes are PyTorch's). A parameter is never split, so a bucket may be larger by
  /// less than one parameter.
  public static func cut(
    _ parameters: [Range<Int>], firstBucketBytes: Int = 1 << 20, bucketBytes: Int = 25 << 20
  ) -> GradientBuckets {
    require(firstBucketBytes > 0 && bucketBytes > 0, "bucket sizes are positive")
    var ranges: [Range<Int>] = []
    var members: [Range<Int>] = []
    var firstMember = 0
    for (index, parameter) in parameters.enumerated() {
      let start = parameters[firstMember].lowerBound
      require(parameter.lowerBound >= start, "parameter range \(parameter) is out of order")
      let bytes = (parameter.upperBound - start) * MemoryLayout<Float>.stride
      let limit = ranges.isEmpty ? firstBucketBytes : bucketBytes
      if bytes >= limit || index == parameters.count - 1 {
        ranges.append(start..<parameter.upperBound)
        members.append(firstMember..<index + 1)
        firstMember = index + 1
      }
    }
    return GradientBuckets(ranges: ranges, members: members)
  }

  /// The bucket of a parameter, by the parameter's index in the list that was cut.
  public func bucket(ofParameter index: Int) -> Int {
    let bucket = members.firstIndex { $0.contains(index) }
    guard let bucket else { fatalError("no bucket holds parameter \(index)") }
    return bucket
  }
}
