import Datasets
import Distributed
import Foundation

/// The faults of the training data that all ranks have met, named and counted by rank 0.
///
/// Each rank gathers its own; telling them costs a collective, so it is done with the rows of metrics.
struct FaultReport {
  private var untold: [DataFault] = []
  private var log: FaultLog

  /// A report that has met none; more than `maximum` different ones are too many, or more than half of the images.
  init(maximum: Int, imageCount: Int) { log = FaultLog(maximum: maximum, imageCount: imageCount) }

  /// The different faults told so far; on rank 0.
  var count: Int { log.faults.count }

  /// Takes what this rank has met.
  mutating func add(_ faults: [DataFault]) { untold += faults }

  /// Names on rank 0 what any rank has met and nobody has named yet.
  ///
  /// All ranks call it. Throws 65 on all of them when there are too many faults.
  mutating func tell(_ communicator: Communicator, warn: (String) -> Void) throws {
    let own = untold.isEmpty ? [] : Array(try JSONEncoder().encode(untold))
    untold = []
    let gathered = try communicator.gather(own)
    try communicator.collectively {
      for bytes in gathered where !bytes.isEmpty {
        for fault in try log.record(JSONDecoder().decode([DataFault].self, from: Data(bytes))) { warn("\(fault)") }
      }
    }
  }
}
