import Distributed
import Graph
import Tensors

/// What a run does when a loss is not finite.
extension TrainingRun {
  /// Lets the step pass without an update, or throws 76 on all ranks, as the policy says.
  ///
  /// All ranks call it after a step whose loss was not finite on some of them. Skipped steps are counted in a row: a run
  /// that has diverged never gets out of it, while a rare picture that spoils a batch now and then may do so for ever.
  /// - Parameters:
  ///   - isFiniteHere: whether this rank's losses were finite.
  ///   - imageNames: this rank's images of the step.
  func skipOrStop(isFiniteHere: Bool, imageNames: [String]) throws {
    let number = step + 1
    let place =
      "rank \(communicator.rank) on \(communicator.host): images "
      + Self.list(imageNames.map(shown), of: "images", separator: ", ")
    switch configuration.train.nonFiniteLoss {
    case .skip where skippedSteps < configuration.train.maximumSkippedSteps:
      skippedSteps += 1
      let places = try communicator.allgather(isFiniteHere ? "" : place).filter { !$0.isEmpty }
      console.warn(
        "step \(number): the loss is not finite; skipped, \(skippedSteps) in a row; \(Self.list(places, of: "ranks", separator: "; "))"
      )
    case .skip, .stop:
      let origin = try findOrigin()
      let places = try communicator.allgather(isFiniteHere ? "" : "\(place); \(origin)").filter { !$0.isEmpty }
      let policy =
        configuration.train.nonFiniteLoss == .stop
        ? ", or set train.non_finite_loss=skip"
        : "; train.max_skipped_steps = \(configuration.train.maximumSkippedSteps) steps in a row were skipped before"
      throw AgreedError(
        .diverged,
        "step \(number): the loss is not finite\n  \(Self.list(places, of: "ranks", separator: "\n  "))\n"
          + "the last checkpoint is untouched; look at these images, lower learning_rate.peak or lengthen "
          + "learning_rate.warmup\(policy)")
    }
  }

  /// The first few of many texts, and how many more there are.
  private static func list(_ texts: [String], of things: String, separator: String) -> String {
    let shown = texts.prefix(8).joined(separator: separator)
    return texts.count > 8 ? "\(shown)\(separator)and \(texts.count - 8) \(things) more" : shown
  }

  /// Computes the step again, with the same images, masks and weights, and says where the first number was not finite.
  private func findOrigin() throws -> String {
    let nextBatch = input.batches(rank: communicator.rank, firstStep: step)
    var text = "computed again, every number is finite: test the memory of this host"
    var isFound = false
    for pass in 0..<replica.batch.accumulate {
      let batch = try communicator.collectively { try nextBatch() }
      guard let origin = try replica.nonFiniteOrigin(step, pass: pass, microBatch(batch)), !isFound else { continue }
      isFound = true
      func image(_ place: Int) -> String { "image \(shown(batch.imageNames[place]))" }
      switch origin {
      case .input(let place): text = "it began in the input: \(image(place))"
      case .parameter(let name): text = "it began before this step: the parameter \(name) is not finite"
      case .operation(let label, let place):
        text = "it began in \(label.name) (\(label.kind))" + (place.map { ", \(image($0))" } ?? "")
      }
    }
    return text
  }
}
