import Distributed
import Tensors

/// `evaluate`: the COCO figures of a checkpoint on the validation images.
public struct EvaluateRequest: Sendable {
  /// A run directory, a checkpoint set or a `.safetensors` file.
  public var checkpoint: String
  /// Where the configuration comes from.
  public var configuration: CheckpointConfiguration
  /// The file that gets the figures, as `score --json` writes them.
  public var json: String?

  /// A request.
  public init(checkpoint: String, configuration: CheckpointConfiguration, json: String?) {
    (self.checkpoint, self.configuration, self.json) = (checkpoint, configuration, json)
  }

  /// Evaluates on all ranks and ends the process.
  public func run() -> Never {
    Launch.onRanks(
      // The checkpoint says how long ranks may wait for each other; until it is read, as long as by default.
      deadlineSeconds: Configuration().distributed.deadlineSeconds,
      prepare: { mpi, console in
        try TrainedDetector(
          checkpoint: checkpoint, configuration: configuration.resolve, communicator: mpi.world,
          warn: { console.warn($0) })
      },
      configuration: { $0.detector.configuration }
    ) { mpi, threads, console, trained in
      let split = try DetectionSplit(
        .validation, of: trained.detector.configuration, communicator: mpi.world)
      let predictor = Predictor(trained.detector, engine: trained.engine, store: trained.store)
      let evaluation = try predictor.evaluate(split.dataset, communicator: mpi.world)
      try mpi.world.collectively {
        guard let evaluation else { return }
        console.say(
          "\(split.dataset.index.imageCount) images in \(NumberText.duration(evaluation.seconds)) on "
            + "\(mpi.world.size) ranks x \(threads.threads) threads")
        console.say(
          EvaluationTable(
            figures: evaluation.metrics.stats.named, classes: split.dataset.classFigures(evaluation.metrics)
          ).text)
        if let json { try writeJSON(evaluation.metrics, to: json) }
      }
      return .success
    }
  }
}
