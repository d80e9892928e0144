import Graph
import Regularization

extension Configuration {
  /// The places of the model that the regulariser acts on.
  public var maskSelection: MaskSelection {
    let roles: Set<MaskPlace.Role> =
      switch dropBlock.sites {
      case .convolutions: [.convolution, .branchEnd]
      case .convolutionsAndSkip: [.convolution, .branchEnd, .shortcut]
      }
    return MaskSelection(groups: Set(dropBlock.groups), roles: roles)
  }
}

extension TrainingTask {
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
