import Graph
import Tensors

/// `inspect`: what a model consists of and what a training step of one rank costs.
public struct InspectRequest: Sendable {
  /// A run directory, checkpoint set or `.safetensors` file whose weights must fit the model; nil is the bare model.
  public var checkpoint: String?
  /// Where the configuration comes from.
  public var configuration: CheckpointConfiguration
  /// The file that gets everything as JSON.
  public var json: String?

  /// A request.
  public init(checkpoint: String?, configuration: CheckpointConfiguration, json: String?) {
    (self.checkpoint, self.configuration, self.json) = (checkpoint, configuration, json)
  }

  /// Plans the training graph in this process and describes it; throws what the user can mend.
  ///
  /// The plan is for `batch.per_rank` images, or for one where the configuration states the global batch.
  @discardableResult
  public func run(_ console: Console) throws -> ModelDescription {
    let resolved: Configuration
    if let checkpoint {
      resolved = try TrainedModel(
        checkpoint: checkpoint, configuration: configuration.resolve, warn: { console.warn($0) }
      ).configuration
    } else {
      resolved = try Configuration.load(file: configuration.file, overrides: configuration.overrides)
      try resolved.requireRunnable()
    }
    resolved.planner.instructions.limitLibrary()
    let images = resolved.batch.perRank ?? 1
    let choices = try PlanChoices(resolved, threads: ThreadPool.threadCount, resumed: nil)
    let plan = Plan(
      resolved.task.trainingGraph(imagesPerRank: images), engine: Engine(), mode: .training,
      precision: resolved.precision, policy: choices.policy, choices: choices.known)
    let description = ModelDescription(resolved, plan: plan, images: images)
    console.say(description.text)
    if let json { try writeJSON(description, to: json) }
    return description
  }
}
