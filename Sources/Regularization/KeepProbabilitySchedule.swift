import Tensors

/// How the keep probability moves from the start of training to its end.
public enum KeepProbabilitySchedule: Hashable, Sendable {
  /// Linear in the step, from exactly 1 at step 0 to the target: the paper's schedule.
  case linear
  /// The target from the first step on.
  case constant
  /// The linear schedule at the first step of each epoch, and the same for the whole epoch.
  case linearByEpoch(stepsPerEpoch: Int)

  /// The keep probability of a step.
  ///
  /// `step` counts from 0, so the last step of a run is still 1/totalSteps short of the target, as in the official
  /// code; later steps stay at the target.
  public func keepProbability(step: Int, totalSteps: Int, target: Double) -> Double {
    require(step >= 0 && totalSteps >= 1, "step \(step) of \(totalSteps) is no place in a schedule")
    switch self {
    case .linear: return 1 - min(1, Double(step) / Double(totalSteps)) * (1 - target)
    case .constant: return target
    case .linearByEpoch(let stepsPerEpoch):
      require(stepsPerEpoch >= 1, "an epoch has at least 1 step, not \(stepsPerEpoch)")
      return Self.linear.keepProbability(
        step: step / stepsPerEpoch * stepsPerEpoch, totalSteps: totalSteps, target: target)
    }
  }
}

/// The keep probabilities of all places of a model in one step.
public struct KeepProbabilities: Hashable, Sendable {
  /// That of the schedule, in 0...1: the last group, the last block and the head have it.
  public var scheduled: Double
  /// The groups of the model where each drops a quarter of the next one's share; nil where all drop the same.
  public var groups: Int?
  /// The blocks of the model where the drop rate rises in proportion to a block's number; nil where it does not.
  ///
  /// As in the second and third form of ScheduledDropPath: block k of n drops k/n of what the last one drops.
  public var blocks: Int?

  /// The keep probabilities of a step.
  public init(_ scheduled: Double, groups: Int? = nil, blocks: Int? = nil) {
    (self.scheduled, self.groups, self.blocks) = (scheduled, groups, blocks)
  }

  /// The keep probability at a place.
  public func at(_ place: MaskPlace) -> Double {
    switch place.group {
    case .head: return scheduled
    case .trunk(let group):
      let ofGroup = groups.map { groupKeepProbability(scheduled, group: group, of: $0) } ?? scheduled
      guard let blocks else { return ofGroup }
      require(place.depth <= blocks, "block \(place.depth) of \(blocks)")
      return 1 - (1 - ofGroup) * Double(place.depth) / Double(blocks)
    }
  }
}

/// The keep probability of a group: the last one takes it as it is, and each earlier one drops a quarter of the next one's
/// share.
///
/// 1 - (1 - keepProbability) / 4^(groups - group), as in the official code, whose ResNet has four groups: group 3 has a
/// quarter of the drop rate, group 2 a sixteenth. It goes by the group and not by the map's size, so the sites of a group's
/// first block that still run at the finer resolution share the rate.
public func groupKeepProbability(_ keepProbability: Double, group: Int, of groups: Int) -> Double {
  require((1...groups).contains(group), "group \(group) of \(groups)")
  return 1 - (1 - keepProbability) / Double(1 << (2 * (groups - group)))
}
