import Distributed
import Tensors

/// `evaluate`: the figures of a checkpoint on the validation images.
///
/// A detector's `val_loss`, `val_loss_class` and `val_loss_box` are means over images; see `ImageLosses`.
public struct EvaluateRequest: Sendable {
  /// A run directory, a checkpoint set or a `.safetensors` file.
  public var checkpoint: String
  /// Where the configuration comes from.
  public var configuration: CheckpointConfiguration
  /// DropBlock that acts in the evaluation, or nil.
  public var dropBlock: DropBlockOption?
  /// The file that gets the figures: a detector's losses beside what `score --json` writes, a classifier's shares and mean
  /// loss.
  public var json: String?

  /// A request.
  public init(
    checkpoint: String, configuration: CheckpointConfiguration, dropBlock: DropBlockOption? = nil, json: String?
  ) {
    (self.checkpoint, self.configuration) = (checkpoint, configuration)
    (self.dropBlock, self.json) = (dropBlock, json)
  }

  /// Evaluates on all ranks and ends the process.
  public func run() -> Never {
    Launch.onRanks(
      // The checkpoint says how long ranks may wait for each other; until it is read, as long as by default.
      deadlineSeconds: Configuration().distributed.deadlineSeconds,
      prepare: { mpi, console in
        try TrainedModel(
          checkpoint: checkpoint, configuration: configuration.resolve, communicator: mpi.world,
          warn: { console.warn($0) })
      },
      configuration: { $0.configuration }
    ) { mpi, threads, console, trained in
      let task = trained.configuration.task
      return try evaluate(task, trained, mpi.world, threads, console)
    }
  }

  private func evaluate<Task: TrainingTask>(
    _ task: Task, _ trained: TrainedModel, _ communicator: Communicator, _ threads: ThreadChoice, _ console: Console
  ) throws -> ExitCode {
    let dropBlock: InferenceDropBlock = try communicator.collectively {
      try self.dropBlock?.resolved(for: trained.configuration, option: "--dropblock") ?? .off
    }
    if let warning = trained.warningOfClasses(checkpoint) { console.warn(warning) }
    let evaluator = try task.openEvaluator(
      engine: trained.engine, store: trained.store, classes: trained.classes, communicator: communicator)
    console.data([evaluator.census])
    try evaluator.requireFiles(communicator)
    if dropBlock != .off { console.say("DropBlock acts: \(dropBlock.summary)") }
    let evaluation = try evaluator.evaluate(
      dropBlock: dropBlock, communicator: communicator, isStopped: { false })
    try communicator.collectively {
      guard let evaluation else { return }
      console.say(
        "\(evaluator.census?.images ?? 0) validation images in \(NumberText.duration(evaluation.seconds)) on "
          + "\(communicator.size) ranks x \(threads.threads) threads")
      console.say(EvaluationTable(figures: evaluation.figures, classes: evaluation.classFigures).text)
      if let json { try evaluation.writeFigures(to: json) }
    }
    return .success
  }
}
