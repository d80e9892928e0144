import COpenMPI

/// How the gradients of all ranks become their sum; every rank gets the same bits each way.
public enum GradientSummation: String, Codable, Sendable {
  /// MPI's allreduce of floats; with the settings of `openMPIDefaults` a ring.
  case ring
  /// Numbers travel as bfloat16, half the bytes, and are added as floats; buckets that are exact travel as floats.
  case halfPrecision = "half_precision"
  /// Pairs of ranks, then pairs of pairs: for a power of two of ranks, the same sum as a binary tree over all of their
  /// addends, however many ranks share them.
  case fixedTree = "fixed_tree"
}

/// One bucket on its way over the ranks.
protocol BucketTransfer: AnyObject {
  /// The calls that it waits in, for messages.
  var call: String { get }
  /// Bytes that the bucket has under way.
  var byteCount: Int { get }

  /// Sends the bucket on its way; nobody may touch its floats until it is complete.
  func post() throws(RankError)

  /// Polls MPI and does what can be done; true once the bucket's floats are the sums.
  func advance() throws(RankError) -> Bool
}

/// A bucket that MPI sums by itself.
final class AllreduceTransfer: BucketTransfer {
  private let communicator: Communicator
  private let floats: UnsafeMutablePointer<Float>
  private let count: Int
  /// Null when nothing is outstanding; owned.
  private let request: UnsafeMutablePointer<MPI_Request?>

  init(_ communicator: Communicator, _ floats: UnsafeMutablePointer<Float>, count: Int) {
    (self.communicator, self.floats, self.count) = (communicator, floats, count)
    request = .allocate(capacity: 1)
    request.initialize(to: shim_request_null())
  }

  deinit { request.deallocate() }

  var call: String { "MPI_Iallreduce" }
  var byteCount: Int { count * MemoryLayout<Float>.stride }

  func post() throws(RankError) {
    let status = MPI_Iallreduce(
      shim_in_place(), floats, Int32(count), shim_float(), shim_sum(), communicator.handle, request)
    try communicator.check(status, call)
  }

  func advance() throws(RankError) -> Bool {
    var isDone: Int32 = 0
    try communicator.check(MPI_Test(request, &isDone, shim_status_ignore()), call)
    return isDone != 0
  }
}
