import Foundation

/// The one limit on time in tests: how long something may take before it counts as hanging.
///
/// No test is a stopwatch. How long training takes depends on the processor (without AVX-512 some passes take a hundred
/// times longer), on how many cores there are and on who else uses them; all of that is in this number, and a limit of its
/// own belongs to a test only when the limit is what is tested. Whoever has an even slower machine, an emulator for
/// example, changes it here, and the limits of the parts in `launch/test`, which it must fit into.
public enum HangLimit {
  /// Seconds until a command is stopped and a wait is given up.
  ///
  /// Many times what the slowest command of the tests takes on two cores without AVX-512 that other programs keep busy.
  public static let seconds = 300.0

  /// Waits until something is so; false when it is not after `seconds`.
  @discardableResult
  public static func wait(until isTime: () -> Bool) -> Bool {
    let end = ContinuousClock.now + .seconds(seconds)
    while !isTime() {
      if ContinuousClock.now > end { return false }
      usleep(5_000)
    }
    return true
  }
}
