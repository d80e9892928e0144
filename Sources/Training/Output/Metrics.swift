/// Named figures that belong to a step: a line of `metrics.jsonl` and a point of each TensorBoard curve.
public struct MetricsRow: Equatable, Sendable {
  /// Updates done so far.
  public let step: Int
  /// The figures in the order in which they are written.
  public let values: [(name: String, value: Double)]
  /// The group that TensorBoard shows the curves under.
  public let group: String

  /// The row as a JSON object; a figure that is not finite is null, which is all that JSON has for it.
  public var json: String {
    let members = values.map { "\"\($0.name)\": \($0.value.isFinite ? $0.value.description : "null")" }
    return "{\"step\": \(step), \(members.joined(separator: ", "))}"
  }

  /// Whether two rows hold the same figures under the same names.
  public static func == (first: Self, second: Self) -> Bool {
    first.step == second.step && first.group == second.group
      && first.values.elementsEqual(second.values) { $0.name == $1.name && $0.value == $1.value }
  }
}

/// What is known after a training step, already reduced over all ranks.
public struct TrainingMetrics: Equatable, Sendable {
  /// Updates done, from 1.
  public var step: Int
  /// Passes over the training images done, with its fraction.
  public var epoch: Double
  /// The whole loss, mean over the ranks.
  public var loss: Double
  /// Its parts, and other means that the task reports: a detector's `loss_class` and `loss_box`, a classifier's `accuracy`.
  public var parts: [Figure]
  /// The rate that the step used.
  public var learningRate: Double
  /// The regulariser's kept share, before groups and blocks are scaled; 1 when all are off.
  public var keepProbability: Double
  /// Training images of all ranks a second, over the steps since the last row.
  public var imagesPerSecond: Double
  /// Wall-clock seconds of a step, mean over the steps since the last row.
  public var stepSeconds: Double
  /// Seconds of a step spent waiting for images.
  public var dataSeconds: Double
  /// Seconds of a step that the compute thread spent inside MPI.
  public var allreduceExposedSeconds: Double

  /// The figures of a step.
  public init(
    step: Int, epoch: Double, loss: Double, parts: [Figure], learningRate: Double, keepProbability: Double,
    imagesPerSecond: Double, stepSeconds: Double, dataSeconds: Double,
    allreduceExposedSeconds: Double
  ) {
    (self.step, self.epoch, self.loss, self.parts) = (step, epoch, loss, parts)
    (self.learningRate, self.keepProbability, self.imagesPerSecond) = (learningRate, keepProbability, imagesPerSecond)
    (self.stepSeconds, self.dataSeconds) = (stepSeconds, dataSeconds)
    self.allreduceExposedSeconds = allreduceExposedSeconds
  }

  /// The row with the names that scripts rely on.
  public var row: MetricsRow {
    MetricsRow(
      step: step,
      values: [("epoch", epoch)] + StepLosses(loss: loss, parts: parts).figures + [
        ("learning_rate", learningRate), ("keep_prob", keepProbability), ("images_per_second", imagesPerSecond),
        ("step_seconds", stepSeconds), ("data_seconds", dataSeconds),
        ("allreduce_exposed_seconds", allreduceExposedSeconds),
      ], group: "train")
  }
}

/// The figures of an evaluation after a step.
public struct EvaluationMetrics: Equatable, Sendable {
  /// Updates done before the evaluation.
  public var step: Int
  /// Passes over the training images done.
  public var epoch: Double
  /// The figures by name in their order: COCO's (`AP`, `AP50`, ..., -1 where there is no ground truth) with a detector's
  /// `val_loss`, `val_loss_class` and `val_loss_box`, or a classifier's `top1`, `top5` and `val_loss`.
  public var figures: [(name: String, value: Double)]
  /// Wall-clock seconds of the evaluation.
  public var seconds: Double

  /// The figures of an evaluation.
  public init(step: Int, epoch: Double, figures: [(name: String, value: Double)], seconds: Double) {
    (self.step, self.epoch, self.figures, self.seconds) = (step, epoch, figures, seconds)
  }

  /// The name that only rows of evaluations have.
  static var secondsKey: String { "evaluation_seconds" }

  /// The row with the names that scripts rely on.
  public var row: MetricsRow {
    MetricsRow(
      step: step, values: [("epoch", epoch)] + figures + [(Self.secondsKey, seconds)], group: "evaluation")
  }

  /// Whether two evaluations have the same figures.
  public static func == (first: Self, second: Self) -> Bool {
    first.row == second.row
  }
}
