import Datasets
import Distributed

/// Where the steps of a benchmark take their batches from.
final class BenchmarkInput<Task: TrainingTask> {
  private enum Source {
    case synthetic(SyntheticBatch<Task>)
    case batches(() throws -> TrainingBatch<Task.ImageTargets>)
  }

  private let source: Source
  private let communicator: Communicator
  private var faults: FaultReport

  /// The input that `bench.input` asks for; all ranks call it, and throw the same error.
  init(_ task: Task, batch: BatchPlan, communicator: Communicator) throws {
    var imageCount = 0
    switch task.configuration.benchmark.input {
    case .synthetic: source = .synthetic(SyntheticBatch(task, images: batch.perRank, rank: communicator.rank))
    case .data:
      let input = try task.openInput(batch: batch, classes: nil, communicator: communicator)
      imageCount = input.schedule.sampler.imageCount
      source = .batches(input.batches(rank: communicator.rank, firstStep: 0))
    }
    self.communicator = communicator
    faults = FaultReport(maximum: task.configuration.data.maxFaults, imageCount: imageCount)
  }

  /// The next batch; waits until it is there, and throws the same error on all ranks.
  func next() throws -> Replica<Task>.MicroBatch {
    switch source {
    case .synthetic(let batch): return Replica.MicroBatch(images: batch.images, targets: batch.targets)
    case .batches(let next):
      let batch = try communicator.collectively { try next() }
      faults.add(batch.newFaults)
      return Replica.MicroBatch(images: UnsafeBufferPointer(batch.images), targets: batch.targets)
    }
  }

  /// Names what was wrong with the images so far; all ranks call it.
  func tellFaults(warn: (String) -> Void) throws { try faults.tell(communicator, warn: warn) }
}
