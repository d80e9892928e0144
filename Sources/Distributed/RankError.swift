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
  /// Whether all ranks were told, and the reason names the culprit.
  public let isTold: Bool

  /// An error of one call on one rank.
  public init(call: String, rank: Int, host: String, reason: String, isTold: Bool = false) {
    (self.call, self.rank, self.host, self.reason, self.isTold) = (call, rank, host, reason, isTold)
  }

  /// Always 74.
  public var exitCode: ExitCode { .rankFailed }
  /// One line: rank, host, call and reason; the reason alone where it names the culprit.
  public var description: String { isTold ? reason : "rank \(rank) on \(host): \(call): \(reason)" }
}
