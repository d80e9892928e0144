import Graph
import Tensors

/// What `bench` found, with the names that scripts rely on.
struct BenchmarkReport: Encodable {
  /// The extremes and the middle of the steps' durations.
  struct Spread: Encodable {
    let min: Double
    let median: Double
    let max: Double

    init(_ values: [Double]) { (min, median, max) = (values.min() ?? 0, values.median, values.max() ?? 0) }
  }

  /// Sums of gradients in a step.
  struct Allreduce: Encodable {
    /// Bytes that every rank hands in.
    let bytes: Int
    /// Seconds in which at least one sum was under way on the first rank.
    let seconds: Double
    /// Seconds that the step's thread spent inside MPI calls of any kind, mean over ranks.
    let exposed_seconds: Double
  }

  /// A row of the table of operations, of the first rank.
  struct Operation: Encodable {
    let name: String
    let pass: String
    let kind: String
    let algorithm: String
    /// In a step.
    let seconds: Double
    /// Billions of floating-point operations a second; 0 where nothing is counted.
    let gflops: Double
    /// Whether it runs a library's reference implementation.
    let is_reference: Bool

    init(_ row: OperationTable.Row) {
      (name, pass, kind) = (row.label.name, row.label.pass, row.label.kind)
      (algorithm, seconds, gflops) = (row.label.algorithm, row.seconds, row.gigaflopsPerSecond)
      is_reference = row.label.isReference
    }
  }

  /// The limit of arithmetic.
  struct Floor: Encodable {
    /// Billions of floating-point operations a second that the threads of a rank do in registers.
    let multiplier_gflops: Double
    /// Seconds of a step at that rate, where each convolution takes the method with the fewest multiplications.
    let seconds: Double
    /// That as a share of the median step, in percent.
    let percent: Double
  }

  /// One method of one pass of a convolution, alone.
  struct Method: Encodable {
    let convolution: String
    let method: String
    let implementation: String
    /// The best of some runs.
    let seconds: Double
    /// Billions of operations of the defining sum a second, whatever the method does.
    let gflops: Double

    init(_ timing: MethodTiming) {
      (convolution, method) = (timing.convolution, timing.algorithm.rawValue)
      (implementation, seconds) = (timing.implementation, timing.seconds)
      gflops = timing.floatingPointOperations / timing.seconds / 1e9
    }
  }

  /// What the regulariser costs: pairs of steps, one with and one without it.
  struct DropBlockCost: Encodable {
    let pairs: Int
    /// Median seconds of the steps with it.
    let on_seconds: Double
    /// Median seconds of the steps without it.
    let off_seconds: Double
    /// Median over pairs of (on - off) / off, in percent.
    let percent: Double

    init(on: [Double], off: [Double]) {
      (pairs, on_seconds, off_seconds) = (on.count, on.median, off.median)
      percent = zip(on, off).map { ($0 - $1) / $1 * 100 }.median
    }
  }

  /// The network.
  let model: String
  /// Height and width in pixels.
  let image_size: [Int]
  /// Type of numbers inside the network.
  let precision: String
  /// Ranks.
  let ranks: Int
  /// Compute threads of a rank.
  let threads_per_rank: Int
  /// Images of a rank in a pass.
  let batch_per_rank: Int
  /// Steps that were timed.
  let steps: Int
  /// Images of all ranks over the median step.
  let images_per_second: Double
  /// Durations of the timed steps, each the mean over ranks.
  let step_seconds: Spread
  /// The largest resident memory of any rank until the end of the timed steps.
  let peak_rss_bytes: Int
  /// Seconds of a step in which the first rank draws masks; applying them is part of the operations that they ride on.
  let regularizer_seconds: Double
  /// Sums of gradients.
  let allreduce: Allreduce
  /// Seconds of a step that wait for the batch, mean over ranks.
  let data_seconds: Double
  /// The limit of arithmetic of the convolutions; only in floats.
  let floor: Floor?
  /// The first rank's work, in the order of the step.
  let operations: [Operation]
  /// What was timed to choose the methods of convolutions: with `--methods` all of them.
  let methods: [Method]
  /// Only where it was asked for.
  let dropblock: DropBlockCost?
  /// What `plan` predicts steps from.
  let communication: CommunicationReport
}

extension [Timeline.Span] {
  /// Seconds in which at least one of the spans was under way.
  var coveredSeconds: Double {
    var (covered, end) = (0.0, -Double.infinity)
    for span in sorted(by: { $0.start < $1.start }) {
      covered += Swift.max(0, span.end - Swift.max(end, span.start))
      end = Swift.max(end, span.end)
    }
    return covered
  }
}
