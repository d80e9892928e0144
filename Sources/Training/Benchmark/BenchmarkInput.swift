import Datasets
import Distributed

/// Where steps that are timed take their batches from.
final class BenchmarkInput<Task: TrainingTask> {
  private enum Source {
    case synthetic(SyntheticBatch<Task>)
    case batches(() throws -> TrainingBatch<Task.ImageTargets>)
  }

  private let source: Source
  private let communicator: Communicator
  private var faults: FaultReport

  /// The input that `bench.input` asks for; all ranks call it, and throw the same error.
  convenience init(_ task: Task, batch: BatchPlan, communicator: Communicator) throws {
    switch task.configuration.benchmark.input {
    case .synthetic:
      let images = SyntheticBatch(task, images: batch.perRank, rank: communicator.rank)
      self.init(.synthetic(images), imageCount: 0, task, communicator)
    case .data:
      let input = try task.openInput(batch: batch, classes: nil, communicator: communicator)
      self.init(task, input: input, firstStep: 0, communicator: communicator)
    }
  }

  /// A run's training images, from one of its steps on.
  convenience init(_ task: Task, input: Task.Input, firstStep: Int, communicator: Communicator) {
    let batches = input.batches(rank: communicator.rank, firstStep: firstStep)
    self.init(.batches(batches), imageCount: input.schedule.sampler.imageCount, task, communicator)
  }

  private init(_ source: Source, imageCount: Int, _ task: Task, _ communicator: Communicator) {
    (self.source, self.communicator) = (source, communicator)
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
