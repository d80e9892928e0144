import Distributed
import Tensors

/// Runs and times the training step of a replica, step after step.
final class StepTimer<Task: TrainingTask> {
  /// What steps took, in seconds.
  struct Times {
    /// The whole step.
    var step: [Double] = []
    /// Of that, waiting for the batch.
    var data: [Double] = []
    /// Of that, the step's thread inside MPI calls.
    var exposed: [Double] = []
    /// The whole step on this rank alone.
    var ownStep: [Double] = []
    /// Of that, what is outside MPI calls.
    var ownCompute: [Double] = []
    /// The step outside MPI calls of the rank that was slowest in it.
    var compute: [Double] = []
  }

  private let replica: Replica<Task>
  private let input: BenchmarkInput<Task>
  private var step: Int

  /// - Parameter firstStep: the number of the first step, by which the drop rate is scheduled.
  init(_ replica: Replica<Task>, input: BenchmarkInput<Task>, firstStep: Int = 0) {
    (self.replica, self.input, step) = (replica, input, firstStep)
  }

  /// Runs so many steps on every rank; the mean over ranks of each step's times.
  ///
  /// A step ends with sums over ranks, so all ranks take as long; nothing else holds them together.
  @discardableResult
  func run(steps: Int, isRegularized: Bool = true, timeline: Timeline? = nil) throws -> Times {
    var times = Times()
    for _ in 0..<steps {
      let start = monotonicSeconds()
      var dataSeconds = 0.0
      // So small a rate hardly moves the weights: no loss runs away, and all steps cost the same.
      let result = try replica.step(
        step, learningRate: 1e-6, isRegularized: isRegularized, timeline: timeline
      ) {
        let before = monotonicSeconds()
        defer { dataSeconds += monotonicSeconds() - before }
        return try input.next()
      }
      times.step.append(monotonicSeconds() - start)
      times.data.append(dataSeconds)
      times.exposed.append(result.exposedSeconds)
      try requireFinite(result)
      step += 1
    }
    times.ownStep = times.step
    times.ownCompute = zip(times.step, times.exposed).map(-)
    times.compute = times.ownCompute
    let communicator = replica.communicator
    for list in [\Times.step, \.data, \.exposed] {
      try communicator.allreduce(&times[keyPath: list], .sum)
      times[keyPath: list] = times[keyPath: list].map { $0 / Double(communicator.size) }
    }
    try communicator.allreduce(&times.compute, .maximum)
    return times
  }

  /// A step without an update would cost less: it must not count.
  ///
  /// All ranks know of it.
  private func requireFinite(_ result: Replica<Task>.Result) throws {
    if result.isFinite { return }
    try replica.communicator.collectively {
      throw InputError(
        .diverged,
        "step \(step), timed: the loss is not finite on some rank; its time would mean nothing; lower "
          + "learning_rate.peak")
    }
  }
}

extension [Double] {
  /// The middle value, or the mean of the middle two; 0 of none.
  var median: Double {
    if isEmpty { return 0 }
    let sorted = sorted()
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
  }

  /// The mean; 0 of none.
  var mean: Double { isEmpty ? 0 : reduce(0, +) / Double(count) }
}
