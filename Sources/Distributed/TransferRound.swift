/// What a rank does in one round of a bucket's transfer: it sends messages, receives as many of the same size, and works
/// on what has arrived; the next round begins when all of that is done.
///
/// All ranks do the same in a round, by symmetry of the algorithms: `GradientSummation.rounds`.
public struct TransferRound: Equatable, Sendable {
  /// Messages that this rank sends to other nodes, under way together; 0 when the round stays inside the node.
  public let messages: Int
  /// Bytes of each.
  public let messageBytes: Int
  /// Ranks of a node that send over the node's link in this round.
  public let linkSharers: Int
  /// Whether a rank receives from the rank that it sends to, so that answers queue behind its own messages.
  public let isMutual: Bool
  /// Seconds of the rank's processor behind the messages: sums, rounding, copies from ranks of the node.
  public let workSeconds: Double

  /// A round of its parts.
  public init(messages: Int, messageBytes: Int, linkSharers: Int, isMutual: Bool, workSeconds: Double) {
    (self.messages, self.messageBytes, self.linkSharers) = (messages, messageBytes, linkSharers)
    (self.isMutual, self.workSeconds) = (isMutual, workSeconds)
  }

  /// Bytes that a node sends over its link.
  public var nodeBytes: Int { messages * messageBytes * linkSharers }
}

extension GradientSummation {
  /// The rounds in which a bucket is summed over `nodes` x `ranksPerNode` ranks, those of a node next to each other.
  ///
  /// With p ranks and n bytes of floats, as `AllreduceTransfer`, `FixedTreeTransfer` and `HalfPrecisionTransfer` do it:
  ///
  /// - `ring`, Open MPI's `allred_sched_ring` (ompi/mca/coll/libnbc/nbc_iallreduce.c): p - 1 rounds that send n/p bytes to
  ///   the next rank and add what the one before has sent, then p - 1 rounds that only pass the sums on. One rank of a
  ///   node sends to another node. That moves 2 (p - 1) / p n bytes, which is optimal: Patarasuk and Yuan, "Bandwidth
  ///   optimal all-reduce algorithms for clusters of workstations", JPDC 69 (2009).
  /// - `fixedTree`: log2 p rounds that exchange all n bytes with the rank that differs in one bit, and add. The first
  ///   log2(ranksPerNode) rounds stay inside the node, in the others all its ranks send at once. It is called recursive
  ///   doubling: Thakur, Rabenseifner and Gropp, "Optimization of collective communication operations in MPICH", IJHPCA 19
  ///   (2005).
  /// - `halfPrecision`: two rounds in which every rank sends n / (2 p) bytes to each other rank: addends, then sums.
  ///   Buckets that are exact take the ring.
  public func rounds(
    bytes: Int, isExact: Bool, nodes: Int, ranksPerNode: Int, costs: TransferCosts
  ) -> [TransferRound] {
    let ranks = nodes * ranksPerNode
    if ranks == 1 || bytes == 0 { return [] }
    let shape = Shape(bytes: bytes, nodes: nodes, ranksPerNode: ranksPerNode, costs: costs)
    switch self {
    case .ring: return shape.ring
    case .fixedTree: return shape.tree
    case .halfPrecision: return isExact ? shape.ring : shape.half
    }
  }
}

/// A bucket and the ranks that share it.
private struct Shape {
  let bytes: Int
  let nodes: Int
  let ranksPerNode: Int
  let costs: TransferCosts

  var ranks: Int { nodes * ranksPerNode }
  private func perByte(_ seconds: Double, _ bytes: Int) -> Double { seconds * Double(bytes) }

  var ring: [TransferRound] {
    // Where the bytes do not divide evenly, some ranks have a float more.
    let segment = (bytes + ranks - 1) / ranks
    return (0..<2 * (ranks - 1)).map { round in
      let sum = round < ranks - 1 ? perByte(costs.sumSecondsPerByte, segment) : 0
      // A rank inside the node copies while those at its ends send and receive.
      let copy = ranksPerNode > 1 ? perByte(costs.copySecondsPerByte, segment) : 0
      return TransferRound(
        messages: nodes > 1 ? 1 : 0, messageBytes: segment, linkSharers: 1, isMutual: ranks == 2,
        workSeconds: sum + copy)
    }
  }

  var tree: [TransferRound] {
    (0..<ranks.trailingZeroBitCount).map { bit in
      let isInside = 1 << bit < ranksPerNode
      let copy = isInside ? perByte(costs.copySecondsPerByte, bytes) : 0
      return TransferRound(
        messages: isInside ? 0 : 1, messageBytes: bytes, linkSharers: ranksPerNode, isMutual: true,
        workSeconds: copy + perByte(costs.sumSecondsPerByte, bytes))
    }
  }

  var half: [TransferRound] {
    let share = (bytes / 2 + ranks - 1) / ranks
    let copy = perByte(costs.copySecondsPerByte, share * (ranksPerNode - 1))
    // Half of the arithmetic, rounding and adding, lies in front of the sums, the other half behind them.
    let work = costs.halfSecondsPerFloat * Double(bytes / MemoryLayout<Float>.stride) / 2
    return (0..<2).map { _ in
      TransferRound(
        messages: ranks - ranksPerNode, messageBytes: share, linkSharers: ranksPerNode, isMutual: true,
        workSeconds: copy + work)
    }
  }
}
