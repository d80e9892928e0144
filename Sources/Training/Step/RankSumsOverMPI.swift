import Distributed
import Graph

/// Sums over ranks inside a step, by blocking allreduce.
struct RankSumsOverMPI: RankSums {
  let communicator: Communicator

  var rankCount: Int { communicator.size }

  func sum(_ values: UnsafeMutableBufferPointer<Double>) {
    do {
      try communicator.allreduce(values, .sum)
    } catch {
      // The graph's operations cannot throw, and no other rank can know: this rank ends the job.
      communicator.abort(after: error)
    }
  }
}
