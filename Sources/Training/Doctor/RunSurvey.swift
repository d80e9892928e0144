import Datasets
import Distributed
import Graph
import Tensors

/// What a run would do, as far as `doctor` goes: each part is made once, by the check that it belongs to.
final class RunSurvey {
  /// The plan of a step, where one was made.
  private(set) var plan: Plan?
  /// What this host's data hold: the training images, then the validation images, as far as they could be opened.
  var censuses: [DataCensus] = []
  /// Bytes a second that the run directory takes, where it was measured.
  var writeRate: Double?
  private let context: CheckContext
  private let output: String?
  private var input: (any TrainingInput)?

  /// The survey of a run.
  init(_ context: CheckContext, output: String?) {
    (self.context, self.output) = (context, output)
  }

  /// The run directory.
  ///
  /// Throws what a run would.
  var directory: RunDirectory {
    get throws { try RunDirectory(output: output, configuration: configuration) }
  }

  private var configuration: Configuration { context.configuration }

  private func makeTask() throws -> any TrainingTask {
    try configuration.requireRunnable()
    return configuration.task
  }

  /// The batch of this number of ranks.
  func batch() throws -> BatchPlan { try configuration.batchPlan(ranks: context.communicator.size) }

  /// Opens the training images; all ranks call it.
  ///
  /// Throws what a run would.
  func openTrainingInput() throws -> any TrainingInput {
    let task = try context.communicator.collectively { try makeTask() }
    let plan = try context.communicator.collectively { try batch() }
    let opened = try open(task, plan)
    input = opened
    return opened
  }

  private func open<Task: TrainingTask>(_ task: Task, _ batch: BatchPlan) throws -> any TrainingInput {
    try task.openInput(batch: batch, classes: nil, communicator: context.communicator)
  }

  /// Plans a step with the algorithms that are known already, and returns the bytes that a rank needs; all ranks call it.
  ///
  /// Nil where the configuration cannot run, which other checks say. What does not fit the memory is not planned: then the
  /// bytes are an estimate from a plan for one image. Throws what a run would.
  func makePlan() throws -> Int? {
    let communicator = context.communicator
    let task = try? makeTask()
    let batch = try? batch()
    if try communicator.agreeOnAny(task == nil || batch == nil) { return nil }
    guard let task, let batch else { return nil }
    let threads = context.threads?.threads ?? ThreadPool.threadCount
    let known = try communicator.collectively {
      try PlanChoices(configuration, threads: threads, resumed: nil).known
    }
    func plan(images: Int) -> (plan: Plan, bytes: [String: Int]) {
      let plan = Plan(
        task.trainingGraph(imagesPerRank: images), engine: Engine(), mode: .training,
        precision: configuration.precision, policy: .direct, choices: known)
      configuration.optimizer.prepare(plan.parameters)
      return (plan, ModelDescription(configuration, plan: plan, images: images).memory_bytes)
    }
    let batches = input?.imageBytes ?? 0
    var (made, bytes) = plan(images: 1)
    let estimate = bytes.values.reduce(batches, +) + (bytes["activations"] ?? 0) * (batch.perRank - 1)
    let share = Int64(HostMemory().limit / context.facts.localRanks)
    if try communicator.allreduced(share, .minimum) < estimate { return estimate }
    if batch.perRank > 1 { (made, bytes) = plan(images: batch.perRank) }
    self.plan = made
    return bytes.values.reduce(batches, +)
  }

  /// The classes of the training images, where they could be opened.
  var classes: ExpectedClasses? { input?.classes }

  /// Bytes of a checkpoint set; nil without a plan.
  var checkpointBytes: Int? { plan?.parameters.checkpointBytes }
}
