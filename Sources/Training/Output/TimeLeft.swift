import Glibc

/// The estimate of how long the rest of a run takes.
///
/// A mean of the step times that forgets the far past (half of its weight lies in the last `halfLife` steps), because
/// a machine's speed changes over hours.
public struct TimeLeft: Sendable {
  /// Steps after which a step's weight is half.
  public static let halfLife = 100.0

  private var weightedSeconds = 0.0
  private var weight = 0.0

  /// An estimate that has seen nothing.
  public init() {}

  /// Takes `steps` more steps into account, which took `seconds` together.
  public mutating func record(steps: Int, seconds: Double) {
    guard steps > 0 else { return }
    let kept = exp2(-Double(steps) / Self.halfLife)
    weightedSeconds = weightedSeconds * kept + seconds / Double(steps) * (1 - kept)
    weight = weight * kept + (1 - kept)
  }

  /// Seconds that so many steps will take; infinite before the first step.
  public func seconds(forSteps steps: Int) -> Double {
    weight == 0 ? .infinity : weightedSeconds / weight * Double(steps)
  }
}
