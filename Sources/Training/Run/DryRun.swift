import Distributed
import Tensors

extension TrainingRun {
  /// Steps that a dry run times, after one that does not count.
  private static var timedSteps: Int { 3 }

  /// Says what the run needs of disk and time, as `--dry-run` does before it stops; all ranks call it.
  ///
  /// The steps that are timed change this process's memory and no file.
  func sayNeeds() throws {
    let room = CheckpointRoom(
      directory: directory.path, setBytes: replica.plan.parameters.checkpointBytes,
      keepCheckpoints: configuration.train.keepCheckpoints)
    let time = try timeNeeded()
    console.header("dry run: planned, nothing trained", [("disk", room?.text ?? "unknown"), ("time", time)])
    if let room, !room.isEnough { console.warn("\(room.text); \(room.remedy)") }
  }

  private func timeNeeded() throws -> String {
    let left = totalSteps - step
    if left == 0 { return "none: all \(totalSteps) steps are done" }
    communicator.phase = "dry run"
    let batches = BenchmarkInput(task, input: input, firstStep: step, communicator: communicator)
    let timer = StepTimer(replica, input: batches, firstStep: step)
    try timer.run(steps: 1)
    let seconds = try timer.run(steps: Self.timedSteps).step.median
    try batches.tellFaults(warn: console.warn)
    let (whole, each) = (NumberText.duration(seconds * Double(left)), NumberText.significant(seconds))
    return "\(whole) for \(left) steps of \(each) s (median of \(Self.timedSteps)), without evaluations and checkpoints"
  }
}
