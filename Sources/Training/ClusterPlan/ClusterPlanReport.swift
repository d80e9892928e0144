import Distributed
import Tensors

/// What `plan` says: a row for each number of nodes, and what it was made from.
struct ClusterPlanReport: Encodable, Equatable {
  /// The network that was asked for.
  struct Network: Encodable, Equatable {
    let specification: String
    let bits_per_second: Double
    let payload_bytes_per_second: Double
    let latency_seconds: Double
  }

  /// What was measured, on one or several nodes like those that are planned.
  struct Measured: Encodable, Equatable {
    /// The benchmark's file, or none where this command measured.
    let bench: String?
    let model: String
    let precision: String
    let ranks_per_node: Int
    let threads_per_rank: Int
    let images_per_pass: Int
    let step_seconds: Double
    let compute_seconds: Double
    let gradient_bytes: Int
    let buckets: Int
    let memory_bytes_per_rank: Int
    let memory_bytes_per_node: Int
    let checkpoint_bytes: Int
    let costs: TransferCosts
  }

  let network: Network
  let measured: Measured
  let predicted: [ClusterPrediction]
}

extension ClusterPlanReport {
  /// What was measured, by its name and with its unit.
  var measuredRows: [(label: String, value: String)] {
    func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
    func perGibibyte(_ seconds: Double) -> String { "\(NumberText.significant(seconds * Double(1 << 30))) s" }
    let costs = measured.costs
    return [
      ("model", "\(measured.model), \(measured.precision)"),
      (
        "a node",
        "\(measured.ranks_per_node) ranks x \(measured.threads_per_rank) threads, \(measured.images_per_pass) images of a rank "
          + "in a pass"
      ),
      (
        "computation",
        "\(NumberText.significant(measured.compute_seconds)) s of a step outside MPI in the slowest rank; the step took "
          + "\(NumberText.significant(measured.step_seconds)) s"
      ),
      (
        "gradients",
        "\(mebibytes(measured.gradient_bytes)) in \(measured.buckets) buckets"
      ),
      (
        "transfers",
        "\(NumberText.significant(costs.messageSeconds * 1e6)) us until a rank takes up a message; of a GiB: TCP \(perGibibyte(costs.tcpSecondsPerByte)) of the rank's processor, sum "
          + "\(perGibibyte(costs.sumSecondsPerByte)), copy \(perGibibyte(costs.copySecondsPerByte)); "
          + "socket buffers of \(mebibytes(costs.socketBufferBytes))"
      ),
      (
        "memory",
        "\(mebibytes(measured.memory_bytes_per_rank)) a rank, \(mebibytes(measured.memory_bytes_per_node)) a node; a checkpoint "
          + "has \(mebibytes(measured.checkpoint_bytes))"
      ),
    ]
  }

  /// The predicted rows, under their headings.
  var table: String {
    let headings = [
      "nodes", "ranks", "passes", "images", "step s", "exposed s", "efficiency", "images/s", "steps", "time",
      "MiB/step", "Mbit/s",
    ]
    let rows = predicted.map { row in
      [
        "\(row.nodes)", "\(row.ranks)", "\(row.passes)", "\(row.images_per_step)",
        NumberText.significant(row.step_seconds), NumberText.significant(row.exposed_seconds),
        "\(NumberText.fixed(row.parallel_efficiency * 100, 1)) %", NumberText.significant(row.images_per_second),
        NumberText.grouped(row.total_steps), NumberText.duration(row.total_seconds),
        NumberText.significant(Double(row.network_bytes_per_step) / Double(1 << 20)),
        NumberText.significant(row.network_bits_per_second / 1e6),
      ]
    }
    return NumberText.table([headings] + rows)
  }

  /// What the columns mean and what they leave out.
  var legend: String {
    """
    passes: of a rank in a step; images: of a step on all ranks; exposed: of the step beyond its computation;
    efficiency: the step of one node alone with as many images a rank, over this step; time: all steps, without
    evaluations and checkpoints; MiB/step, Mbit/s: what a node sends, and receives as well.
    """
  }
}
