import Distributed

/// One stretch of a bucket's transfer: bytes that leave together, and nothing else of the bucket before they have arrived.
struct MessageLeg: Equatable {
  /// Bytes of this rank on its node's link; 0 for what stays inside the node.
  let bytes: Int
  /// Ranks that share the link meanwhile.
  let linkSharers: Int
  /// Whether it overtakes the messages of this rank: an answer on a connection that carries nothing else this way.
  let overtakes: Bool
  /// Seconds of the rank's processor once the bytes have arrived.
  let workSeconds: Double
}

extension TransferRound {
  /// What goes without asking, the first bytes of a message and all of a short one: Open MPI's `btl_tcp_eager_limit`.
  static let eagerBytes = 65536
  /// About what an answer and its headers take.
  private static let answerBytes = 128

  /// The stretches of the round over TCP, by Open MPI's protocol for messages (`pml/ob1`).
  ///
  /// A short message goes at once: alpha + n / beta. Of a long one the first bytes announce it, the receiver answers where
  /// its memory is (a PUT), and the rest follows: 3 alpha + n / beta. Each end sees to it only inside an MPI call.
  var legs: [MessageLeg] {
    func leg(_ bytes: Int, overtakes: Bool = false, work: Double = 0) -> MessageLeg {
      MessageLeg(bytes: bytes, linkSharers: linkSharers, overtakes: overtakes, workSeconds: work)
    }
    if messages == 0 { return [leg(0, work: workSeconds)] }
    if messageBytes <= Self.eagerBytes { return [leg(messages * messageBytes, work: workSeconds)] }
    return [
      leg(messages * Self.eagerBytes), leg(messages * Self.answerBytes, overtakes: !isMutual),
      leg(messages * (messageBytes - Self.eagerBytes), work: workSeconds),
    ]
  }
}
