import Tensors

/// How the keep probability moves from the start of training to its end.
public enum KeepProbabilitySchedule: String, CaseIterable, Hashable, Sendable {
  /// Linear in the step, from exactly 1 at step 0 to the target: the paper's schedule.
  case linear
  /// The target from the first step on.
  case constant

  /// The keep probability of a step.
  ///
  /// `step` counts from 0, so the last step of a run is still 1/totalSteps short of the target, as in the official
  /// code; later steps stay at the target.
  public func keepProbability(step: Int, totalSteps: Int, target: Double) -> Double {
    require(step >= 0 && totalSteps >= 1, "step \(step) of \(totalSteps) is no place in a schedule")
    switch self {
    case .linear: return 1 - min(1, Double(step) / Double(totalSteps)) * (1 - target)
    case .constant: return target
    }
  }
}

/// The keep probability of a ResNet group, 1 to 4: group 4 takes it as it is, and each earlier group drops a quarter.
///
/// 1 - (1 - keepProbability) / 4^(4 - group), as in the official code: group 3 has a quarter of the drop rate, group 2
/// a sixteenth. It goes by the group and not by the map's size, so the sites of a group's first block that still run
/// at the finer resolution share the rate.
public func groupKeepProbability(_ keepProbability: Double, group: Int) -> Double {
  require((1...4).contains(group), "a ResNet has groups 1 to 4, not \(group)")
  return 1 - (1 - keepProbability) / Double(1 << (2 * (4 - group)))
}
