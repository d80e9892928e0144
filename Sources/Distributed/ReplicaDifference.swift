import Tensors

/// What differs between ranks that should hold the same.
public struct ReplicaDifference: Sendable, Equatable {
  /// The first value that differs, by its index.
  public let index: Int
  /// How many values differ.
  public let count: Int
  /// The ranks whose first differing value is not that of the majority; all ranks where there is none.
  public let ranks: [(rank: Int, host: String)]
  /// Whether more than half of the ranks agree on that value.
  public let hasMajority: Bool

  /// Compares what was found.
  public static func == (first: Self, second: Self) -> Bool {
    (first.index, first.count, first.hasMajority) == (second.index, second.count, second.hasMajority)
      && first.ranks.elementsEqual(second.ranks, by: ==)
  }
}

extension Communicator {
  /// Compares values of all ranks in one reduction; nil when they are equal everywhere, else the same answer on all.
  ///
  /// All ranks call it, with the same number of values.
  public func firstDifference(in values: [UInt64]) throws(RankError) -> ReplicaDifference? {
    if size == 1 { return nil }
    let own = values.map { Int64(bitPattern: $0) }
    // The complement turns the order around: one call finds the smallest and the largest.
    var extremes = own + own.map { ~$0 }
    try allreduce(&extremes, .minimum)
    let different = own.indices.filter { extremes[$0] != ~extremes[own.count + $0] }
    guard let index = different.first else { return nil }
    let everyone = try allgather("\(values[index]) \(host)").map {
      $0.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    }
    let counts = Dictionary(everyone.map { ($0[0], 1) }, uniquingKeysWith: +)
    let majority = counts.first { 2 * $0.value > size }?.key
    let ranks = everyone.indices.filter { everyone[$0][0] != majority }.map { ($0, everyone[$0][1]) }
    return ReplicaDifference(index: index, count: different.count, ranks: ranks, hasMajority: majority != nil)
  }
}
