import Tensors

/// A failure of a rank, a host or the network: the process leaves with code 74.
///
/// After it the communicator must not be used any more, except for `abort`: the ranks no longer agree on which
/// collective comes next, and memory handed to an unfinished call may still be written.
public struct RankError: UserError, Equatable {
  /// The MPI function that failed or did not come back.
  public let call: String
  /// The rank that reports.
  public let rank: Int
  /// The host of the rank that reports.
  public let host: String
  /// What happened, in words.
  public let reason: String

  /// An error of one call on one rank.
  public init(call: String, rank: Int, host: String, reason: String) {
    (self.call, self.rank, self.host, self.reason) = (call, rank, host, reason)
  }

  /// Always 74.
  public var exitCode: ExitCode { .rankFailed }
  /// One line: rank, host, call and reason.
  public var description: String { "rank \(rank) on \(host): \(call): \(reason)" }
}
