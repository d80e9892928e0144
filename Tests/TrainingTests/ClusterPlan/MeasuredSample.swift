import Distributed

@testable import Training

/// A measured node made by hand: what is left out costs nothing.
func measuredSample(
  passSeconds: Double, polls: [Double] = [], buckets: [(bytes: Int, ready: Double, update: Double)],
  sums: [(seconds: Double, bytes: Int)] = [], passes: Int = 1, computeSeconds: Double? = nil,
  message: Double = 0, tcp: Double = 0, sum: Double = 0, copy: Double = 0, half: Double = 0,
  socketBufferBytes: Int = 1 << 40,
  ranksPerNode: Int = 1, summation: GradientSummation = .ring
) -> CommunicationReport {
  CommunicationReport(
    nodes: 1, ranks_per_node: ranksPerNode, passes: passes, summation: summation, bucket_bytes: 25_000_000,
    compute_seconds: computeSeconds ?? passSeconds + buckets.reduce(0) { $0 + $1.update }, pass_seconds: passSeconds,
    poll_seconds: polls,
    buckets: buckets.map {
      CommunicationReport.Bucket(bytes: $0.bytes, is_exact: false, ready_seconds: $0.ready, update_seconds: $0.update)
    },
    rank_sums: sums.map { CommunicationReport.RankSum(at_seconds: $0.seconds, bytes: $0.bytes) },
    costs: TransferCosts(
      messageSeconds: message, tcpSecondsPerByte: tcp, copySecondsPerByte: copy, sumSecondsPerByte: sum,
      halfSecondsPerFloat: half, socketBufferBytes: socketBufferBytes),
    further_rank_bytes: 0, checkpoint_bytes: 0)
}

extension NetworkSpecification {
  /// A network by the bytes of messages that it carries in a second.
  init(bytesPerSecond: Double, latencySeconds: Double) {
    self.init(
      name: "sample", bitsPerSecond: bytesPerSecond * 8 / Self.payloadShare, latencySeconds: latencySeconds)
  }
}
