import COpenMPI
import Glibc
import Tensors

/// The ranks of the job as seen by one of them; the only owner of its MPI communicator.
///
/// Every collective must be called by all ranks in the same order, from the thread that started MPI. Each wait has a
/// deadline: a rank that waits longer reports where it stood and throws `RankError`. With one rank nothing calls MPI.
public final class Communicator {
  /// The index of this rank, `0..<size`.
  public let rank: Int
  /// The number of ranks.
  public let size: Int
  /// The index of this rank among those of its node.
  public let localRank: Int
  /// The number of ranks on this node.
  public let localSize: Int
  /// The name of this rank's host.
  public let host: String
  /// The longest that one wait may last, in seconds.
  public var deadlineSeconds: Double
  /// What this rank does now, for the report of a stall.
  public let activity = Activity()
  /// The thread that tells the other ranks what this one does; nil where nobody watches.
  public internal(set) var watch: RankWatch?
  /// Seconds that this rank has spent inside MPI calls, all collectives and gradient reductions together.
  public internal(set) var secondsInMPI = 0.0

  /// The world communicator; nil with one rank that no launcher started, and after `release`.
  private(set) var handle: MPI_Comm?

  /// One rank without MPI.
  init(aloneOn host: String, deadlineSeconds: Double) {
    (rank, size, localRank, localSize) = (0, 1, 0, 1)
    (self.host, self.deadlineSeconds) = (host, deadlineSeconds)
  }

  /// The ranks of the running job; MPI must be initialised.
  init(worldOn host: String, deadlineSeconds: Double) throws(RankError) {
    let world = shim_comm_world()
    var (rank, size): (Int32, Int32) = (0, 1)
    var (localRank, localSize): (Int32, Int32) = (0, 1)
    var node: MPI_Comm?
    let status = [
      MPI_Comm_set_errhandler(world, shim_errors_return()),
      MPI_Comm_rank(world, &rank), MPI_Comm_size(world, &size),
      MPI_Comm_split_type(world, Int32(MPI_COMM_TYPE_SHARED), rank, shim_info_null(), &node),
      MPI_Comm_rank(node, &localRank), MPI_Comm_size(node, &localSize), MPI_Comm_free(&node),
    ].first { $0 != MPI_SUCCESS }
    if let status {
      throw RankError(call: "MPI_Comm_split_type", rank: Int(rank), host: host, reason: errorText(status))
    }
    (self.rank, self.size) = (Int(rank), Int(size))
    (self.localRank, self.localSize) = (Int(localRank), Int(localSize))
    (self.host, self.deadlineSeconds) = (host, deadlineSeconds)
    handle = world
  }

  /// The part of the program, for the report of a stall; for example `evaluation`.
  public var phase: String {
    get { activity.phase }
    set { activity.phase = newValue }
  }

  /// Forgets the communicator, before MPI ends.
  func release() {
    watch?.stop()
    (watch, handle) = (nil, nil)
  }

  /// Throws when `status` is not success, with the name of the call.
  func check(_ status: Int32, _ call: String) throws(RankError) {
    if status != MPI_SUCCESS { throw RankError(call: call, rank: rank, host: host, reason: errorText(status)) }
  }

  /// Waits for `request`, which becomes null, and lets MPI progress meanwhile.
  ///
  /// Throws, after a line on standard error, when the deadline passes; the request's memory must then stay alive until the
  /// process ends.
  func wait(for request: inout MPI_Request?, _ call: String, _ place: @autoclosure () -> String) throws(RankError) {
    let pending = UnsafeMutablePointer<MPI_Request?>.allocate(capacity: 1)
    pending.initialize(to: request)
    defer { request = pending.pointee }
    try wait(call, place()) { () throws(RankError) in
      var isDone: Int32 = 0
      try check(MPI_Test(pending, &isDone, shim_status_ignore()), call)
      return isDone != 0
    }
    pending.deallocate()
  }

  /// Polls until `isDone`, which lets MPI progress; throws, after a line on standard error, when the deadline passes.
  func wait(
    _ call: @autoclosure () -> String, _ place: @autoclosure () -> String, until isDone: () throws(RankError) -> Bool
  ) throws(RankError) {
    var start = monotonicSeconds()
    let interrupted = activity.beginWait(call())
    defer { activity.endWait(resuming: interrupted) }
    var polls = 0
    var nextLook = start + 0.1
    while try !isDone() {
      polls += 1
      // A poll that yields the processor may take milliseconds.
      if polls % 64 == 0 {
        let now = monotonicSeconds()
        if now < nextLook { continue }
        // This process itself stood still, perhaps with the whole job.
        if now - nextLook > 5 { start += now - nextLook }
        nextLook = now + 0.1
        try lookUp(call(), place(), since: start, now)
      }
    }
  }

  /// What a wait that lasts does now and then: throws when the job is given up, or its own deadline has passed.
  private func lookUp(_ call: String, _ place: String, since start: Double, _ now: Double) throws(RankError) {
    activity.nameWait(call, place)
    guard let watch else {
      if now - start > deadlineSeconds { throw stall(call, place, now - start) }
      return
    }
    if let reason = watch.verdict {
      throw RankError(call: call, rank: rank, host: host, reason: reason, isTold: true)
    }
    if !watch.mayWait(since: start, now: now) { throw stall(call, place, now - start) }
  }

  /// Reports a wait that passed its deadline, on standard error, and makes the error for it.
  private func stall(_ call: String, _ place: String, _ seconds: Double) -> RankError {
    let reason =
      "no answer for \(rounded(seconds)) s (deadline \(rounded(deadlineSeconds)) s) in \(place), phase: \(phase); "
      + "another rank or the network hangs"
    let error = RankError(call: call, rank: rank, host: host, reason: reason)
    printError("stalled: \(error)")
    return error
  }

  /// Runs `body` and adds its duration to `secondsInMPI`.
  func timed(_ body: () throws(RankError) -> Void) throws(RankError) {
    let start = monotonicSeconds()
    defer { secondsInMPI += monotonicSeconds() - start }
    try body()
  }
}

/// MPI's words for an error code.
private func errorText(_ code: Int32) -> String {
  var length: Int32 = 0
  let text = [CChar](unsafeUninitializedCapacity: Int(MPI_MAX_ERROR_STRING)) { buffer, count in
    MPI_Error_string(code, buffer.baseAddress, &length)
    count = Int(length)
  }
  return String(decoding: text.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
