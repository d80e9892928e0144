import Distributed
import Graph
import Tensors

/// Makes sure, now and then and before every checkpoint, that all ranks hold the same bits.
///
/// Compared are digests of every tensor that lives longer than a step: parameters, momentum, running statistics and
/// frozen parameters.
struct ReplicaSentinel {
  private let communicator: Communicator
  private let store: ParameterStore
  /// Steps between comparisons; 0: none, not even before checkpoints.
  private let interval: Int
  /// The last step after which all ranks were found equal.
  private(set) var lastAgreement: Int

  /// A sentinel of a run that starts after `step` with states that were broadcast.
  init(_ configuration: Configuration, communicator: Communicator, store: ParameterStore, step: Int) {
    (self.communicator, self.store) = (communicator, store)
    interval = communicator.size == 1 ? 0 : configuration.distributed.sentinelEvery
    lastAgreement = step
  }

  /// Compares the ranks when it is time to, or when the state is about to be saved.
  ///
  /// All ranks call it after each step. Throws 76 on all of them when a tensor differs.
  mutating func check(step: Int, isAboutToSave: Bool) throws {
    if interval == 0 || !(isAboutToSave || step % interval == 0) { return }
    let tensors = store.replicatedTensors
    let found = try communicator.firstDifference(in: digests(of: tensors.map(\.memory)))
    guard let found else {
      lastAgreement = step
      return
    }
    let others = found.count == 1 ? "" : " and in \(found.count - 1) tensors after it"
    let remedy =
      found.hasMajority
      ? "if it is the same host again, take it out and test its memory"
      : "if it happens again, test the memory of the hosts"
    throw AgreedError(
      .diverged,
      "step \(step): the replicas differ in \(tensors[found.index].name)\(others): "
        + found.ranks.map { "rank \($0.rank) on \($0.host)" }.joined(separator: ", ")
        + (found.hasMajority ? " against the majority" : ", without a majority")
        + "; all ranks agreed after step \(lastAgreement); nothing was saved since; run the same command again to go on "
        + "from the last checkpoint; \(remedy)")
  }
}
