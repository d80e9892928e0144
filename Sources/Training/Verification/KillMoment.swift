import Tensors

/// When a rank is killed.
enum KillMoment: Equatable {
  /// After a share of the time of the whole run, the start and the last evaluation included.
  case anywhere(fraction: Double)
  /// A share of a step after the one before it was recorded.
  case inStep(Int, fraction: Double)
  /// While a set is written: which one, from 0, and after which share of the time that takes.
  case whileWriting(set: Int, fraction: Double)

  /// What an undisturbed run took.
  struct Times: Equatable {
    var seconds: Double
    var steps: Int
    var sets: Int
    var stepSeconds: Double
    var writeSeconds: Double
  }

  /// The moment and the victim of a kill: the three kinds take turns, everything else is random.
  static func draw(
    _ number: Int, ranks: Int, times: Times, random: inout RandomSequence
  ) -> (moment: KillMoment, rank: Int) {
    func uniform() -> Double { Double(random.uniform()) }
    let rank = Int.random(in: 0..<ranks, using: &random)
    switch number % 3 {
    case 0: return (.inStep(Int.random(in: 1...times.steps, using: &random), fraction: uniform()), rank)
    // The first rank writes; the others' end would reach it only after a while.
    case 1:
      return (.whileWriting(set: Int.random(in: 0..<max(1, times.sets), using: &random), fraction: 0.9 * uniform()), 0)
    default: return (.anywhere(fraction: 0.95 * uniform()), rank)
    }
  }
}
