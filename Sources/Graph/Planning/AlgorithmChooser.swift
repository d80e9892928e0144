import Tensors

/// Settles how each pass of a plan's convolutions computes, and remembers it.
struct AlgorithmChooser {
  let policy: AlgorithmPolicy
  /// What activations and the weights that convolutions read are stored as.
  let precision: Precision
  /// Choices made elsewhere, for these operations and perhaps for others.
  let known: AlgorithmChoices
  /// The choices of this plan's operations, so that equal plans have equal choices whatever else was known.
  private(set) var choices = AlgorithmChoices()

  init(policy: AlgorithmPolicy, precision: Precision, known: AlgorithmChoices) {
    (self.policy, self.precision, self.known) = (policy, precision, known)
  }

  /// Settles the algorithm of a convolution pass: a known choice, the policy, or the fastest of `candidates`.
  ///
  /// - Parameter positions: output pixels of the batch.
  mutating func choose(
    _ key: String, among candidates: [ConvolutionAlgorithm], positions: Int,
    rehearse: (ConvolutionAlgorithm) -> ConvolutionRehearsal?
  ) -> ConvolutionAlgorithm {
    let settled = [choices, known].lazy.compactMap { $0.choices[key] }.first(where: candidates.contains)
    let chosen = settled ?? choose(among: candidates, positions: positions, rehearse: rehearse)
    require(choices.choices[key].map { $0 == chosen } ?? true, "two algorithms for \(key)")
    choices.choices[key] = chosen
    return chosen
  }

  /// The algorithm that the policy wants.
  private func choose(
    among candidates: [ConvolutionAlgorithm], positions: Int, rehearse: (ConvolutionAlgorithm) -> ConvolutionRehearsal?
  ) -> ConvolutionAlgorithm {
    switch policy {
    case .estimated:
      // Above 10 x 10 Winograd was the faster one for nearly every layer and processor that was measured, below it seldom.
      let wanted = positions > 100 && precision == .f32 ? ConvolutionAlgorithm.winograd : .direct
      return candidates.contains(wanted) ? wanted : candidates[0]
    case .only(let wanted): return candidates.contains(wanted) ? wanted : candidates[0]
    case .timed:
      if candidates.count == 1 { return candidates[0] }
      let times = bestTimes(candidates.map(rehearse))
      return candidates[times.indices.min { times[$0] < times[$1] } ?? 0]
    }
  }

  /// The best time of each candidate, in seconds.
  ///
  /// They take turns, so that what else the machine does for a while hits all of them; where two are close, more turns decide.
  /// So they do where a run is short: one in which a thread loses its core takes milliseconds, whatever it computes.
  private func bestTimes(_ rehearsals: [ConvolutionRehearsal?]) -> [Double] {
    let longEnough = 2e-3
    var best = [Double](repeating: .infinity, count: rehearsals.count)
    for round in 0..<12 {
      for (index, rehearsal) in rehearsals.enumerated() {
        guard let seconds = rehearsal?.run() else { continue }
        // The first run compiles and touches memory.
        if round > 0 { best[index] = min(best[index], seconds) }
      }
      guard let least = best.min(), least > longEnough else { continue }
      if round >= 5 || (round >= 2 && best.allSatisfy { $0 == least || $0 > 1.3 * least }) { break }
    }
    return best
  }
}
