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

/// The regulariser in one step: what it drops, and how much where.
public struct RegularizationStep {
  /// What is dropped as a whole.
  public var regularizer: Regularizer
  /// The keep probability of each place in this step.
  public var keepProbabilities: KeepProbabilities
  /// Whether kept elements are counted over all ranks, by those regularisers that count them.
  public var normalizerIsGlobal: Bool

  /// The rates of one step.
  public init(_ regularizer: Regularizer, keepProbabilities: KeepProbabilities, normalizerIsGlobal: Bool) {
    (self.regularizer, self.keepProbabilities) = (regularizer, keepProbabilities)
    self.normalizerIsGlobal = normalizerIsGlobal
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
  /// The random numbers of this rank's samples; nil where nothing is drawn.
  public var maskStream: MaskStream?
  /// The regulariser, or nil where all are off; it needs the stream.
  public var regularization: RegularizationStep?
  /// What the losses compare with, and where they go; nil where the graph has none.
  public var targets: (any BatchTargets)?
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
    step: Int = 0, maskStream: MaskStream? = nil, regularization: RegularizationStep? = nil,
    targets: (any BatchTargets)? = nil,
    rankSums: (any RankSums)? = nil, timeline: Timeline? = nil,
    afterBackwardStep: ((BackwardProgress) -> Void)? = nil
  ) {
    (self.step, self.maskStream) = (step, maskStream)
    (self.regularization, self.targets) = (regularization, targets)
    (self.rankSums, self.timeline, self.afterBackwardStep) = (rankSums, timeline, afterBackwardStep)
  }
}
