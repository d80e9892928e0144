import Distributed
import Graph
import Regularization
import Tensors

/// What a replica trains: a network with its losses, and what they compare with.
public protocol TrainingTask {
  /// What the losses want of one image; the threads that load images make it.
  associatedtype ImageTargets: Sendable

  /// What was asked for.
  var configuration: Configuration { get }

  /// The network with its losses, for a batch of training images.
  func trainingGraph(imagesPerRank: Int) -> Graph

  /// What the losses of a micro-batch compare with; all ranks call it.
  func batchTargets(_ images: [ImageTargets], communicator: Communicator) throws -> any BatchTargets
}

/// What the losses of a micro-batch compare with, and what they found.
public protocol BatchTargets {
  /// Puts itself where the loss operations look.
  func enter(_ context: inout RunContext)

  /// What the last forward run found; a step reports the means over ranks and micro-batches.
  ///
  /// The same number of values for every batch of a task; none is finite that came of a loss which is not.
  var results: [Double] { get }
}

extension TrainingTask {
  /// Rows and columns of a training image.
  public var trainingSize: (height: Int, width: Int) {
    (configuration.input.size.height, configuration.input.size.width)
  }

  /// DropBlock's final rate and block size, or nil where it is off.
  public var dropBlock: DropBlock? {
    configuration.dropBlock.groups.isEmpty
      ? nil
      : DropBlock(
        blockSize: configuration.dropBlock.blockSize, keepProbability: configuration.dropBlock.keepProbability)
  }

  /// The keep probability of the last group in a step: the schedule's, before groups are scaled.
  public func keepProbability(step: Int, totalSteps: Int) -> Double {
    guard let dropBlock else { return 1 }
    let schedule: KeepProbabilitySchedule = configuration.dropBlock.schedule == .linear ? .linear : .constant
    return schedule.keepProbability(step: step, totalSteps: totalSteps, target: dropBlock.keepProbability)
  }

  /// DropBlock in one step with the masks of `stream`, or nil where it is off.
  public func dropBlockStep(step: Int, totalSteps: Int, stream: MaskStream) -> DropBlockStep? {
    guard let dropBlock else { return nil }
    let keepProbability = keepProbability(step: step, totalSteps: totalSteps)
    let isScaled = configuration.dropBlock.isGroupScaled
    let groups = configuration.dropBlock.groups.map { group in
      (group, isScaled ? groupKeepProbability(keepProbability, group: group) : keepProbability)
    }
    return DropBlockStep(
      dropBlock, keepProbability: Dictionary(groups) { first, _ in first }, stream: stream,
      normalizerIsGlobal: configuration.dropBlock.normalizer == .global)
  }
}
