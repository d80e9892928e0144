import Distributed
import Graph
import Tensors

extension TrainingRun {
  /// Says what is trained, on what, and with which memory.
  func sayHeader(_ threads: ThreadChoice) {
    let plan = replica.plan
    console.header(
      "dropblock-dist: \(configuration.name)",
      [
        (
          "model",
          "\(task.title), \(NumberText.grouped(plan.parameters.parameterCount)) parameters"
        ),
        (
          configuration.regularizerTitle,
          configuration.regularizerSettings.map { "\($0.summary), \(plan.maskSites.count) sites" } ?? "off"
        ),
        (
          "ranks", "\(communicator.size) x \(threads.threads) threads, \(configuration.precision.rawValue)"
        ),
        (
          "batch",
          "\(schedule.globalBatchSize) images an update: \(communicator.size) ranks x \(schedule.batchSizePerRank) images"
            + (schedule.accumulation > 1 ? " x \(schedule.accumulation) passes" : "")
        ),
        (
          "data",
          "\(input.contents), \(evaluator.contents), "
            + "\(schedule.stepsPerEpoch) steps an epoch"
        ),
        (
          "steps",
          "\(totalSteps) (\(NumberText.significant(Double(totalSteps) / Double(schedule.stepsPerEpoch))) epochs)"
            + (step == 0 ? "" : ", \(step) of them done")
        ),
        (
          "memory",
          "\(plan.arenaBytes >> 20) MiB of activations, \(input.imageBytes >> 20) MiB of \(input.depth) prepared batches a rank"
        ),
        ("output", directory.path),
      ])
  }
}
