import Distributed
import Tensors

/// What a training run is expected to need on so many nodes, with the names in `plan --json`.
struct ClusterPrediction: Encodable, Equatable {
  let nodes: Int
  let ranks: Int
  /// Passes of a step whose gradients are added up, each of as many images as in the benchmark.
  let passes: Int
  /// Images of an update.
  let images_per_step: Int
  /// Predicted seconds of a step.
  let step_seconds: Double
  /// Of that, the measured computation.
  let compute_seconds: Double
  /// Of that, the rest: transfers that nothing hides, and what they cost the processor.
  let exposed_seconds: Double
  /// The step of one node alone, with as many images a rank, over this step.
  let parallel_efficiency: Double
  let images_per_second: Double
  /// Steps of the configuration's schedule.
  let total_steps: Int
  /// Seconds of all steps, without evaluations and checkpoints.
  let total_seconds: Double
  /// Bytes that a node sends in a step; it receives as many.
  let network_bytes_per_step: Int
  /// That over the step, in bits a second.
  let network_bits_per_second: Double
}

extension ClusterPrediction {
  /// Predicts a step from a benchmark and the share of a batch that each rank has.
  ///
  /// - `step_seconds` is simulated, Note [A step, simulated].
  /// - `compute_seconds` = `compute_seconds` of the benchmark where it had as many passes, else its last pass and update
  ///   with as many earlier passes as there are.
  /// - `parallel_efficiency` = T(1 node) / T(N nodes), for the same images a rank.
  /// - `images_per_second` = images of an update / step; `total_seconds` = steps x step.
  init(
    _ measured: CommunicationReport, _ cluster: ClusterShape, _ network: NetworkSpecification, passes: Int,
    imagesPerStep: Int, totalSteps: Int, agreementsPerPass: Int
  ) {
    func simulated(_ cluster: ClusterShape) -> StepSimulation {
      var simulation = StepSimulation(measured, cluster, network)
      simulation.run(passes: passes, agreementsPerPass: agreementsPerPass)
      return simulation
    }
    let step = simulated(cluster)
    let alone = simulated(ClusterShape(nodes: 1, ranksPerNode: cluster.ranksPerNode))
    let compute =
      measured.pass_seconds + measured.updateSeconds + Double(passes - 1) * measured.earlierPassSeconds
    (nodes, ranks, self.passes, images_per_step) = (cluster.nodes, cluster.ranks, passes, imagesPerStep)
    (step_seconds, compute_seconds, exposed_seconds) = (step.now, compute, max(0, step.now - compute))
    parallel_efficiency = alone.now / step.now
    images_per_second = Double(imagesPerStep) / step.now
    (total_steps, total_seconds) = (totalSteps, Double(totalSteps) * step.now)
    network_bytes_per_step = step.nodeBytes
    network_bits_per_second = Double(step.nodeBytes) * 8 / step.now
  }
}
