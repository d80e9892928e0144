import Datasets
import Distributed
import Tensors

extension Communicator {
  /// Throws 65 on all ranks unless a split of the data has the same content hash on all of them.
  ///
  /// Ranks that hold other data would count other steps an epoch, and wait for each other in vain.
  func requireSameData(_ contentHash: UInt64, _ text: @Sendable () -> (file: String, here: String)) throws {
    let hash = Int64(bitPattern: contentHash)
    let isSame = try allreduced(hash, .minimum) == allreduced(hash, .maximum)
    try collectively {
      if isSame { return }
      let (file, here) = text()
      throw InputError(
        .badData,
        "\(file): expected the same data on all hosts, got \(here) here and others elsewhere; copy the data set again where it "
          + "differs")
    }
  }

  /// What opens a data set on every rank; the first rank of each node makes files that are missing while others wait.
  ///
  /// Making them is idempotent, so waiting is all that the others have to do. All ranks throw the same error.
  func openInTurn<Dataset>(_ open: () throws -> Dataset) throws -> Dataset {
    let first = try collectively { localRank == 0 ? try open() : nil }
    return try collectively { try first ?? open() }
  }

  /// The census of a split's images on the first rank, nil on the others; all throw 65 where it shows that they cannot be used.
  func usableCensus(of configuration: Configuration, _ make: () -> DataCensus) throws -> DataCensus? {
    try collectively {
      guard rank == 0 else { return nil }
      let census = make()
      try census.requireUsable(maximumFaults: configuration.data.maxFaults)
      return census
    }
  }
}
