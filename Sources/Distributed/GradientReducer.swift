import COpenMPI
import Tensors

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
  private let base: UnsafeMutablePointer<Float>
  /// One request a bucket, null when nothing is outstanding; owned.
  private let requests: UnsafeMutablePointer<MPI_Request?>
  private var isReady: [Bool]
  private var isDone: [Bool]
  /// When each bucket was posted, in seconds.
  private var postedAt: [Double]
  /// Buckets below it are posted.
  private var nextToPost = 0
  /// Buckets below it are complete.
  private var oldestOutstanding = 0

  /// A reducer of the arena that starts at `base`; the memory must outlive the reducer.
  public init(_ communicator: Communicator, base: UnsafeMutablePointer<Float>, buckets: GradientBuckets) {
    for range in buckets.ranges {
      require(range.count <= Int(Int32.max), "a bucket of \(range.count) floats is more than one MPI call can count")
    }
    (self.communicator, self.base, self.buckets) = (communicator, base, buckets)
    let count = buckets.ranges.count
    bytes = buckets.ranges.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride }
    isReady = Array(repeating: false, count: count)
    isDone = Array(repeating: false, count: count)
    postedAt = Array(repeating: 0, count: count)
    requests = .allocate(capacity: count)
    requests.initialize(repeating: shim_request_null(), count: count)
  }

  deinit { requests.deallocate() }

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
    try timed("post") { () throws(RankError) in
      while nextToPost < isReady.count, isReady[nextToPost] {
        try post(nextToPost)
        nextToPost += 1
      }
    }
  }

  private func post(_ bucket: Int) throws(RankError) {
    let range = buckets.ranges[bucket]
    if communicator.size == 1 || range.isEmpty {
      isDone[bucket] = true
      return
    }
    postedAt[bucket] = monotonicSeconds()
    let status = MPI_Iallreduce(
      shim_in_place(), base + range.lowerBound, Int32(range.count), shim_float(), shim_sum(), communicator.handle,
      requests + bucket)
    try communicator.check(status, "MPI_Iallreduce (bucket \(bucket))")
  }

  /// Lets MPI work on the outstanding buckets; cheap, for calling between operations.
  public func progress() throws(RankError) {
    skipCompleted()
    if oldestOutstanding == nextToPost { return }
    try timed("progress") { () throws(RankError) in
      // One test lets the library advance every request, so later ones are looked at only when the oldest is done.
      while oldestOutstanding < nextToPost, try test(oldestOutstanding) { skipCompleted() }
    }
  }

  /// Whether a bucket holds the sums; polls MPI.
  public func isComplete(bucket: Int) throws(RankError) -> Bool {
    if isDone[bucket] { return true }
    if bucket >= nextToPost { return false }
    var result = false
    try timed("progress") { () throws(RankError) in result = try test(bucket) }
    return result
  }

  /// Returns when a bucket holds the sums.
  ///
  /// The bucket and all before it must have been started. Throws when the communicator's deadline passes.
  public func wait(bucket: Int) throws(RankError) {
    require(bucket < nextToPost, "bucket \(bucket) cannot be waited for: bucket \(nextToPost) was not started")
    if isDone[bucket] { return }
    try timed("wait") { () throws(RankError) in
      try communicator.wait(for: &requests[bucket], "MPI_Iallreduce", place(of: bucket))
    }
    complete(bucket)
    skipCompleted()
  }

  /// Returns when every bucket holds the sums; all must have been started.
  public func waitAll() throws(RankError) {
    require(nextToPost == isReady.count, "bucket \(nextToPost) of \(isReady.count) was not started")
    for bucket in isReady.indices { try wait(bucket: bucket) }
  }

  private func test(_ bucket: Int) throws(RankError) -> Bool {
    if isDone[bucket] { return true }
    var isFinished: Int32 = 0
    try communicator.check(MPI_Test(requests + bucket, &isFinished, shim_status_ignore()), "MPI_Test (\(bucket))")
    if isFinished != 0 { complete(bucket) }
    return isFinished != 0
  }

  private func complete(_ bucket: Int) {
    isDone[bucket] = true
    let bytes = buckets.ranges[bucket].count * MemoryLayout<Float>.stride
    timeline?.add(
      WorkLabel("bucket \(bucket), \(bytes >> 10) KiB", pass: "communicate", kind: "allreduce"), row: .allreduce,
      since: postedAt[bucket])
  }

  private func skipCompleted() {
    while oldestOutstanding < nextToPost, isDone[oldestOutstanding] { oldestOutstanding += 1 }
  }

  private func place(of bucket: Int) -> String {
    "bucket \(bucket) of \(isReady.count) (floats \(buckets.ranges[bucket]))"
  }

  private func timed(_ call: String, _ body: () throws(RankError) -> Void) throws(RankError) {
    let (start, before) = (timeline == nil ? 0 : monotonicSeconds(), communicator.secondsInMPI)
    defer {
      exposedSeconds += communicator.secondsInMPI - before
      timeline?.add(WorkLabel(call, pass: "communicate", kind: "allreduce calls"), since: start)
    }
    try communicator.timed(body)
  }
}
