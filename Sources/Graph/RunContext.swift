import Regularization
import Tensors

/// Sums over ranks in the middle of a step, for statistics that are global.
///
/// Every rank calls it in the same order; the result is the same on all of them.
public protocol RankSums {
  /// The number of ranks that share a sum.
  var rankCount: Int { get }
  /// Replaces every value by its sum over ranks.
  func sum(_ values: UnsafeMutableBufferPointer<Double>)
}

/// DropBlock in one step: the rates and the random stream.
public struct DropBlockStep {
  /// Block size; the rate comes from `keepProbability`.
  public var dropBlock: DropBlock
  /// The keep probability of each ResNet group in this step.
  public var keepProbability: [Int: Double]
  /// The random numbers of this rank's samples.
  public var stream: MaskStream
  /// Whether kept elements are counted over all ranks.
  public var normalizerIsGlobal: Bool

  /// The rates and the stream of one step.
  public init(
    _ dropBlock: DropBlock, keepProbability: [Int: Double], stream: MaskStream, normalizerIsGlobal: Bool
  ) {
    (self.dropBlock, self.keepProbability) = (dropBlock, keepProbability)
    (self.stream, self.normalizerIsGlobal) = (stream, normalizerIsGlobal)
  }
}

/// How far a backward pass is, in floats from the start of the gradient arena.
public struct BackwardProgress: Equatable, Sendable {
  /// Gradients below it are final.
  public internal(set) var completeGradients = 0
  /// Parameters below it are not read any more in this pass, so that they may move.
  public internal(set) var releasedParameters = 0
}

/// Everything that changes from one run of a plan to the next; nothing of it is kept by the plan.
public struct RunContext {
  /// The training step, counted from 0.
  public var step: Int
  /// DropBlock, or nil where it is off.
  public var dropBlock: DropBlockStep?
  /// The objects that the losses compare with, and where the losses go.
  public var targets: DetectionTargets?
  /// The classes that a classifier's loss compares with, and where the loss goes.
  public var labels: ClassificationTargets?
  /// Sums over ranks, or nil where all statistics are local.
  public var rankSums: (any RankSums)?
  /// Called after each backward step.
  public var afterBackwardStep: ((BackwardProgress) -> Void)?
  /// Called before each operation.
  public var operationBegins: ((WorkLabel) -> Void)?
  /// Where each operation is recorded, or nil where nobody asks.
  public var timeline: Timeline?

  /// The context of a step; what is left out is off.
  public init(
    step: Int = 0, dropBlock: DropBlockStep? = nil, targets: DetectionTargets? = nil,
    labels: ClassificationTargets? = nil, rankSums: (any RankSums)? = nil, timeline: Timeline? = nil,
    afterBackwardStep: ((BackwardProgress) -> Void)? = nil
  ) {
    (self.step, self.dropBlock, self.targets, self.labels) = (step, dropBlock, targets, labels)
    (self.rankSums, self.timeline, self.afterBackwardStep) = (rankSums, timeline, afterBackwardStep)
  }
}
