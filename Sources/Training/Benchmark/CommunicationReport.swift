import Distributed

/// What `plan` needs of a benchmark to predict a step on other nodes and networks, with the names in `bench --json`.
///
/// Times are seconds of computation since the last pass of a step began: the clock stands while the rank is inside MPI, and
/// while it moves parameters. They are means over the recorded steps, scaled so that a whole step takes `compute_seconds`.
struct CommunicationReport: Codable, Equatable {
  /// A slice of the gradients.
  struct Bucket: Codable, Equatable {
    /// Bytes of its floats.
    let bytes: Int
    /// Whether it is never rounded on its way.
    let is_exact: Bool
    /// When its gradients were final.
    let ready_seconds: Double
    /// Seconds that its parameters took to move.
    let update_seconds: Double
  }

  /// A sum over ranks in the middle of an operation, which waits for it: a statistic or normaliser that is global.
  struct RankSum: Codable, Equatable {
    /// When the operation waited.
    let at_seconds: Double
    /// Bytes of a rank.
    let bytes: Int
  }

  /// Hosts of the ranks.
  let nodes: Int
  /// Ranks of each host.
  let ranks_per_node: Int
  /// Passes of a step whose gradients are added up.
  let passes: Int
  /// How gradients are summed.
  let summation: GradientSummation
  /// `distributed.bucket_bytes`.
  let bucket_bytes: Int
  /// Seconds of a step outside MPI calls, of the slowest rank in each timed step; the median.
  let compute_seconds: Double
  /// Of that, the last pass, without moving parameters.
  let pass_seconds: Double
  /// Ends of the backward operations, where MPI gets a chance to work.
  let poll_seconds: [Double]
  /// In the order in which they leave.
  let buckets: [Bucket]
  /// In their order.
  let rank_sums: [RankSum]
  /// The largest of all ranks, measured at the same time; over several hosts a message's has their network's latency in it.
  let costs: TransferCosts
  /// Bytes resident of a rank that is not the first of its node, shared pages divided (Pss); 0 with one rank a node.
  let further_rank_bytes: Int
  /// Bytes of a checkpoint.
  let checkpoint_bytes: Int
}

extension CommunicationReport {
  /// The update of all buckets.
  var updateSeconds: Double { buckets.reduce(0) { $0 + $1.update_seconds } }

  /// Seconds of a pass in front of the last one, with the addition of its gradients.
  ///
  /// Measured where the benchmark had such passes; else a pass as long as the last one, and an addition at the speed of
  /// the measured sums.
  var earlierPassSeconds: Double {
    if passes > 1 { return max(0, compute_seconds - pass_seconds - updateSeconds) / Double(passes - 1) }
    let gradientBytes = buckets.reduce(0) { $0 + $1.bytes }
    return pass_seconds + costs.sumSecondsPerByte * Double(gradientBytes)
  }
}
