import Distributed
import Graph
import Tensors

/// Sums over ranks inside a step, by blocking allreduce.
struct RankSumsOverMPI: RankSums {
  let communicator: Communicator
  /// Where each sum is recorded, or nil where nobody asks.
  let timeline: Timeline?

  var rankCount: Int { communicator.size }

  func sum(_ values: UnsafeMutableBufferPointer<Double>) {
    let start = timeline == nil ? 0 : monotonicSeconds()
    do {
      try communicator.allreduce(values, .sum)
    } catch {
      // The graph's operations cannot throw, and no other rank can know: this rank ends the job.
      communicator.abort(after: error)
    }
    timeline?.add(
      WorkLabel(
        "sum over ranks", pass: "communicate", kind: "statistics",
        summedBytes: values.count * MemoryLayout<Double>.stride), row: .statistics, since: start)
  }
}
