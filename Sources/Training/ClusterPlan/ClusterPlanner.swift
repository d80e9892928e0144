import Distributed
import Tensors

/// Applies what was measured on one node to a configuration on many.
struct ClusterPlanner {
  let configuration: Configuration
  let network: NetworkSpecification
  /// The file that the figures come from, for messages, or nil where they were measured now.
  let path: String?
  let bench: BenchmarkFile
  /// What `--ranks-per-node` said.
  let ranksPerNode: Int?

  /// The report of these numbers of nodes.
  ///
  /// Throws 65 where the benchmark is of something else, and what a run on so many ranks would.
  func report(nodes: [Int], images: Int?) throws -> ClusterPlanReport {
    try requireSame()
    let measured = bench.communication
    let predicted = try nodes.map { nodes in
      let cluster = ClusterShape(nodes: nodes, ranksPerNode: measured.ranks_per_node)
      let batch = try configuration.batchPlan(ranks: cluster.ranks)
      return ClusterPrediction(
        measured, cluster, network, passes: try passes(of: batch, on: cluster), imagesPerStep: batch.global,
        totalSteps: try configuration.steps(images: images, imagesPerStep: batch.global),
        agreementsPerPass: configuration.agreementsPerPass)
    }
    let memory = bench.peak_rss_bytes + (measured.ranks_per_node - 1) * measured.further_rank_bytes
    return ClusterPlanReport(
      network: ClusterPlanReport.Network(
        specification: network.name, bits_per_second: network.bitsPerSecond,
        payload_bytes_per_second: network.bytesPerSecond, latency_seconds: network.latencySeconds),
      measured: ClusterPlanReport.Measured(
        bench: path, model: bench.model, precision: bench.precision, ranks_per_node: measured.ranks_per_node,
        threads_per_rank: bench.threads_per_rank, images_per_pass: bench.batch_per_rank,
        step_seconds: bench.step_seconds.median, compute_seconds: measured.compute_seconds,
        gradient_bytes: measured.buckets.reduce(0) { $0 + $1.bytes }, buckets: measured.buckets.count,
        memory_bytes_per_rank: bench.peak_rss_bytes, memory_bytes_per_node: memory,
        checkpoint_bytes: measured.checkpoint_bytes, costs: measured.costs),
      predicted: predicted)
  }

  /// A benchmark of another model or setting says nothing about this one.
  private func requireSame() throws(InputError) {
    let (size, measured) = (configuration.input.size, bench.communication)
    let facts = [
      ("model", ModelDescription.title(configuration), bench.model),
      ("image_size", "\([size.height, size.width])", "\(bench.image_size)"),
      ("precision", configuration.precision.rawValue, bench.precision),
      ("communication.summation", configuration.gradientSummation.rawValue, measured.summation.rawValue),
      ("communication.bucket_bytes", "\(configuration.distributed.bucketBytes)", "\(measured.bucket_bytes)"),
      (
        "threads_per_rank", "\(configuration.threadsPerRank ?? bench.threads_per_rank)", "\(bench.threads_per_rank)"
      ),
    ]
    for (place, expected, got) in facts where expected != got {
      throw unfit(place, expected: "\(expected), as in the configuration", got: got)
    }
    if let ranksPerNode, ranksPerNode != measured.ranks_per_node {
      throw unfit(
        "communication.ranks_per_node", expected: "\(ranksPerNode), as --ranks-per-node says",
        got: "\(measured.ranks_per_node)")
    }
  }

  /// Passes in which a rank works on its images of a step, each as large as the benchmark's.
  private func passes(of batch: BatchPlan, on cluster: ClusterShape) throws(InputError) -> Int {
    let share = batch.perRank * batch.accumulate
    if share % bench.batch_per_rank == 0 { return share / bench.batch_per_rank }
    throw unfit(
      "batch_per_rank",
      expected: "a divisor of the \(share) images of a step that each of \(cluster.ranks) ranks has",
      got: "\(bench.batch_per_rank)")
  }

  private func unfit(_ place: String, expected: String, got: String) -> InputError {
    let ranks = ranksPerNode ?? bench.communication.ranks_per_node
    return InputError(
      .badData,
      "\(path ?? "measured"): \(place): expected \(expected); got \(got); measure again with: "
        + "mpirun -np \(ranks) dropblock-dist bench --config FILE --set batch.per_rank=IMAGES --json FILE")
  }
}

extension Configuration {
  /// Sums of a number over ranks in front of the operations of each pass, which all ranks wait for: whether every rank has
  /// its batch (`TrainingRun`), and the positives where the loss is normalised over all ranks (`Detector`, `Segmenter`).
  var agreementsPerPass: Int { 1 + (model.name.task != .classifier && loss.normalizer == .global ? 1 : 0) }

  /// The length of training in steps; `images` is needed, and not nil, where it is in epochs.
  ///
  /// Throws 65 for fewer images than a step takes.
  func steps(images: Int?, imagesPerStep: Int) throws(InputError) -> Int {
    guard let images else { return train.length.steps(stepsPerEpoch: 1) }
    let stepsPerEpoch = images / imagesPerStep
    if stepsPerEpoch == 0 {
      throw InputError(
        .badData,
        "the training data: expected at least the \(imagesPerStep) images that a step takes, got \(images); plan fewer nodes or "
          + "smaller batches")
    }
    return train.length.steps(stepsPerEpoch: stepsPerEpoch)
  }
}
