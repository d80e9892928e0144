import Distributed
import Graph
import Tensors

extension TrainingRun {
  /// Says what is trained, on what, and with which memory, and notes it in the history; all ranks call it.
  func sayHeader(_ threads: ThreadChoice) throws {
    let facts = facts(threads)
    console.header("dropblock-dist: \(configuration.name)", facts)
    warnOfReferences(replica.plan)
    let censuses = [input.census, evaluator.census]
    console.data(censuses)
    let hosts = Set(try communicator.allgather(communicator.host)).sorted()
    var start = RunEvent(.started, step: step)
    start.facts = facts.map { RunEvent.Fact($0.label, $0.value) }
    start.environment = BuildInformation.facts + [RunEvent.Fact("hosts", hosts.joined(separator: ", "))]
    start.data = censuses.compactMap { $0?.text }
    recorder?.history.append(start)
  }

  private func facts(_ threads: ThreadChoice) -> [(label: String, value: String)] {
    let plan = replica.plan
    return [
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
        "steps",
        "\(totalSteps) (\(NumberText.significant(Double(totalSteps) / Double(schedule.stepsPerEpoch))) epochs of "
          + "\(schedule.stepsPerEpoch) steps)"
          + (step == 0 ? "" : ", \(step) of them done")
      ),
      (
        "memory",
        "\(plan.arenaBytes >> 20) MiB of activations, \(input.imageBytes >> 20) MiB of \(input.depth) prepared batches a rank"
      ),
      ("output", directory.path),
    ]
  }

  /// Names operations for which oneDNN has nothing but its reference implementation, with their share of the step's arithmetic.
  private func warnOfReferences(_ plan: Plan) {
    let all = plan.operations.reduce(0) { $0 + $1.floatingPointOperations }
    for operation in plan.operations where operation.isReference {
      let share = operation.floatingPointOperations / all * 100
      console.warn(
        "\(operation.name), \(operation.kind): a reference implementation, a hundred times slower than others, for "
          + "\(NumberText.significant(share)) % of the step's arithmetic; `dropblock-dist bench` tells its time")
    }
  }
}
