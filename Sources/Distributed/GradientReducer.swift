import Tensors

/// The message tag of the first bucket's transfer; those below it belong to collectives of bytes.
private let firstBucketTag = 16

/// Sums the gradient arena over all ranks, bucket by bucket, while the backward pass still computes.
///
/// A step is: `beginStep`, then `start` for each bucket once all of its numbers are written, `progress` between
/// operations, `isComplete` or `wait` before a bucket is read, and `waitAll`. From `start` until it is complete nobody
/// may touch the bucket's memory. Buckets are posted in index order on every rank (Note [Bucket order]): one that is
/// ready early waits for its turn. The result is the sum, not the mean; every rank gets the same bits. With one rank a
/// started bucket is complete at once.
///
/// Open MPI moves nothing on its own: without `progress` the transfer happens in the waits.
public final class GradientReducer {
  /// The slices of the arena.
  public let buckets: GradientBuckets
  /// The ranks that reduce together.
  public let communicator: Communicator
  /// Seconds of the compute thread inside MPI calls since `beginStep`: posting, progress and waits.
  public private(set) var exposedSeconds = 0.0
  /// Bytes that one step reduces.
  public let bytes: Int

  /// Where the calls and the transfers of this step are recorded, or nil where nobody asks.
  private var timeline: Timeline?
  private let summation: GradientSummation
  /// What carries each bucket; nil where nothing has to travel.
  private let transfers: [(any BucketTransfer)?]
  private var isReady: [Bool]
  private var isDone: [Bool]
  /// When each bucket was posted, in seconds.
  private var postedAt: [Double]
  /// Buckets below it are posted.
  private var nextToPost = 0
  /// Buckets below it are complete.
  private var oldestOutstanding = 0

  /// A reducer of the arena that starts at `base`; the memory must outlive the reducer.
  ///
  /// A fixed tree wants a power of two of ranks.
  public init(
    _ communicator: Communicator, base: UnsafeMutablePointer<Float>, buckets: GradientBuckets,
    summation: GradientSummation = .ring
  ) {
    (self.communicator, self.buckets, self.summation) = (communicator, buckets, summation)
    transfers = buckets.ranges.enumerated().map { bucket, range in
      require(range.count <= Int(Int32.max), "a bucket of \(range.count) floats is more than one MPI call can count")
      if communicator.size == 1 || range.isEmpty { return nil }
      let (floats, count, tag) = (base + range.lowerBound, range.count, firstBucketTag + 2 * bucket)
      switch summation {
      case .ring: return AllreduceTransfer(communicator, floats, count: count)
      case .fixedTree: return FixedTreeTransfer(communicator, floats, count: count, tag: tag)
      case .halfPrecision:
        return buckets.isExact[bucket] || !HalfPrecisionTransfer.fits(count, ranks: communicator.size)
          ? AllreduceTransfer(communicator, floats, count: count)
          : HalfPrecisionTransfer(communicator, floats, count: count, tag: tag)
      }
    }
    bytes = transfers.reduce(0) { $0 + ($1?.byteCount ?? 0) }
    let count = buckets.ranges.count
    isReady = Array(repeating: false, count: count)
    isDone = Array(repeating: false, count: count)
    postedAt = Array(repeating: 0, count: count)
  }

  /// Forgets the previous step, all of whose buckets must be complete, and sets `exposedSeconds` to 0.
  ///
  /// `timeline` gets this step's MPI calls, and each bucket from its post until this rank sees it complete.
  public func beginStep(_ timeline: Timeline? = nil) {
    require(oldestOutstanding == nextToPost, "bucket \(oldestOutstanding) of the previous step is not complete")
    for bucket in isReady.indices { (isReady[bucket], isDone[bucket]) = (false, false) }
    (nextToPost, oldestOutstanding, exposedSeconds) = (0, 0, 0)
    self.timeline = timeline
  }

  /// Says that a bucket's numbers are written, and posts it and its ready successors if their turn has come.
  public func start(bucket: Int) throws(RankError) {
    require(isReady.indices.contains(bucket), "there is no bucket \(bucket)")
    require(!isReady[bucket], "bucket \(bucket) was started twice in one step")
    isReady[bucket] = true
    try timed(.gradientPost) { () throws(RankError) in
      while nextToPost < isReady.count, isReady[nextToPost] {
        try post(nextToPost)
        nextToPost += 1
      }
    }
  }

  private func post(_ bucket: Int) throws(RankError) {
    postedAt[bucket] = monotonicSeconds()
    guard let transfer = transfers[bucket] else { return isDone[bucket] = true }
    try transfer.post()
  }

  /// Lets MPI work on the outstanding buckets; cheap, for calling between operations.
  public func progress() throws(RankError) {
    skipCompleted()
    if oldestOutstanding == nextToPost { return }
    try timed(.gradientProgress) { () throws(RankError) in
      for bucket in oldestOutstanding..<nextToPost {
        // One test lets the library advance every request; what MPI sums alone needs no other while the oldest is on
        // its way.
        if try !test(bucket), summation == .ring { break }
      }
      skipCompleted()
    }
  }

  /// Whether a bucket holds the sums; polls MPI.
  public func isComplete(bucket: Int) throws(RankError) -> Bool {
    if isDone[bucket] { return true }
    if bucket >= nextToPost { return false }
    var result = false
    try timed(.gradientProgress) { () throws(RankError) in result = try test(bucket) }
    return result
  }

  /// Returns when a bucket holds the sums.
  ///
  /// The bucket and all before it must have been started. Throws when the communicator's deadline passes.
  public func wait(bucket: Int) throws(RankError) {
    require(bucket < nextToPost, "bucket \(bucket) cannot be waited for: bucket \(nextToPost) was not started")
    if isDone[bucket] { return }
    try timed(.gradientWait) { () throws(RankError) in
      try communicator.wait(transfers[bucket]?.call ?? "", place(of: bucket)) { () throws(RankError) in
        // Other ranks may wait for this one's part in the buckets behind it.
        for other in bucket..<nextToPost { if try !test(other), summation == .ring { break } }
        return isDone[bucket]
      }
    }
    skipCompleted()
  }

  /// Returns when every bucket holds the sums; all must have been started.
  public func waitAll() throws(RankError) {
    require(nextToPost == isReady.count, "bucket \(nextToPost) of \(isReady.count) was not started")
    for bucket in isReady.indices { try wait(bucket: bucket) }
  }

  private func test(_ bucket: Int) throws(RankError) -> Bool {
    if isDone[bucket] { return true }
    guard let transfer = transfers[bucket], try transfer.advance() else { return false }
    isDone[bucket] = true
    timeline?.add(
      WorkLabel(
        "bucket \(bucket), \(transfer.byteCount >> 10) KiB", pass: "communicate", kind: "allreduce",
        summedBytes: transfer.byteCount),
      row: .allreduce, since: postedAt[bucket])
    return true
  }

  private func skipCompleted() {
    while oldestOutstanding < nextToPost, isDone[oldestOutstanding] { oldestOutstanding += 1 }
  }

  private func place(of bucket: Int) -> String {
    "bucket \(bucket) of \(isReady.count) (floats \(buckets.ranges[bucket]))"
  }

  private func timed(_ call: WorkLabel, _ body: () throws(RankError) -> Void) throws(RankError) {
    let (start, before) = (timeline == nil ? 0 : monotonicSeconds(), communicator.secondsInMPI)
    defer {
      exposedSeconds += communicator.secondsInMPI - before
      timeline?.add(call, since: start)
    }
    try communicator.timed(body)
  }
}

extension WorkLabel {
  /// Handing buckets to MPI, one for each call of `start`: a bucket each where they are started in their order, as a step does.
  public static let gradientPost = WorkLabel("post", pass: "communicate", kind: "allreduce calls")
  /// Letting MPI work on the buckets under way.
  static let gradientProgress = WorkLabel("progress", pass: "communicate", kind: "allreduce calls")
  /// Waiting for a bucket.
  static let gradientWait = WorkLabel("wait", pass: "communicate", kind: "allreduce calls")

  /// Whether this is the step's thread inside MPI for the sums of gradients.
  public var isGradientCall: Bool { [.gradientPost, .gradientProgress, .gradientWait].contains(self) }
}
