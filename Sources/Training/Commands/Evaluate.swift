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
    let trained: TrainedDetector
    do {
      // Every rank reads the checkpoint before it joins: an error is the same on all of them.
      let console = Console(style: .ofThisProcess(rank: launchedRank()))
      trained = try TrainedDetector(
        checkpoint: checkpoint, configuration: configuration.resolve, warn: { console.warn($0) })
    } catch {
      Launch.fail(error)
    }
    Launch.onRanks(trained.detector.configuration) { mpi, threads, console in
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
