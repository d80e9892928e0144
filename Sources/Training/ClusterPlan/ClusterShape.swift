import Distributed

/// Nodes and the ranks on each.
struct ClusterShape: Equatable {
  /// From 1.
  let nodes: Int
  /// From 1.
  let ranksPerNode: Int

  var ranks: Int { nodes * ranksPerNode }

  /// The rounds of a bucket's transfer over these ranks.
  func rounds(
    _ summation: GradientSummation, bytes: Int, isExact: Bool, _ costs: TransferCosts
  ) -> [TransferRound] {
    summation.rounds(bytes: bytes, isExact: isExact, nodes: nodes, ranksPerNode: ranksPerNode, costs: costs)
  }
}
