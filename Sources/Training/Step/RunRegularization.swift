import Graph
import Regularization

/// The regulariser of a run: what it drops, where, and how its rate moves over the steps.
public struct RunRegularization: Hashable, Sendable {
  /// What is dropped as a whole.
  public let regularizer: Regularizer
  /// The keep probability at the end of the schedule, before groups and blocks are scaled.
  public let target: Double
  /// How it gets there.
  public let schedule: KeepProbabilitySchedule
  /// Steps of the schedule.
  public let totalSteps: Int

  /// The groups of the model where the rate goes by a group's number.
  private let groups: Int?
  /// The blocks of the model where the rate goes by a block's number.
  private let blocks: Int?
  private let normalizerIsGlobal: Bool

  /// The regulariser that a configuration turns on, or nil where all are off.
  ///
  /// - Parameters:
  ///   - totalSteps: steps of the schedule, from 1.
  ///   - stepsPerEpoch: from 1; only a schedule by epoch asks for it.
  ///   - extent: the groups and blocks of the model; only rates that go by them ask for it.
  public init?(_ configuration: Configuration, totalSteps: Int, stepsPerEpoch: Int, extent: MaskExtent) {
    guard let settings = configuration.regularizerSettings else { return nil }
    (regularizer, target) = (settings.regularizer, settings.keepProbability)
    schedule =
      switch settings.schedule {
      case .linear: .linear
      case .constant: .constant
      case .linearByEpoch: .linearByEpoch(stepsPerEpoch: stepsPerEpoch)
      }
    self.totalSteps = totalSteps
    groups = settings.isGroupScaled ? extent.groups : nil
    blocks = settings.isDepthScaled ? extent.blocks : nil
    normalizerIsGlobal = settings.normalizerIsGlobal
  }

  /// The keep probability of a step, counted from 0, before groups and blocks are scaled.
  public func keepProbability(step: Int) -> Double {
    let scheduled = schedule.keepProbability(step: step, totalSteps: totalSteps, target: target)
    guard case .dropBlock(let dropBlock) = regularizer, dropBlock.mode.rampSteps > 0 else { return scheduled }
    return 1 - min(1, Double(step + 1) / Double(dropBlock.mode.rampSteps)) * (1 - scheduled)
  }

  /// The keep probabilities of all places in a step.
  public func keepProbabilities(step: Int) -> KeepProbabilities { scaled(keepProbability(step: step)) }

  /// The keep probabilities of all places at the end of the schedule.
  public var finalKeepProbabilities: KeepProbabilities { scaled(target) }

  private func scaled(_ keepProbability: Double) -> KeepProbabilities {
    KeepProbabilities(keepProbability, groups: groups, blocks: blocks)
  }

  /// What a pass of a step computes with.
  func step(_ step: Int) -> RegularizationStep {
    RegularizationStep(
      regularizer, keepProbabilities: keepProbabilities(step: step), normalizerIsGlobal: normalizerIsGlobal)
  }
}
