import Tensors

/// How long one method takes for one pass of a convolution, alone.
public struct MethodTiming: Codable, Sendable {
  /// The pass, shapes, kernel and stride in words.
  public let convolution: String
  /// The method.
  public let algorithm: ConvolutionAlgorithm
  /// What the method calls its implementation.
  public let implementation: String
  /// The best of some runs.
  public let seconds: Double
  /// Floating-point operations of the defining sum, whatever the method does.
  public let floatingPointOperations: Double
}

/// Settles how each pass of a plan's convolutions computes, and remembers it.
struct AlgorithmChooser {
  /// A method that a pass can choose.
  struct Candidate {
    let algorithm: ConvolutionAlgorithm
    let implementation: String
    /// What times it.
    let rehearse: () -> ConvolutionRehearsal
  }

  let policy: AlgorithmPolicy
  /// What activations and the weights that convolutions read are stored as.
  let precision: Precision
  /// Choices made elsewhere, for these operations and perhaps for others.
  let known: AlgorithmChoices
  /// The choices of this plan's operations, so that equal plans have equal choices whatever else was known.
  private(set) var choices = AlgorithmChoices()
  /// What was timed for them, in the order of the plan.
  private(set) var timings: [MethodTiming] = []

  init(policy: AlgorithmPolicy, precision: Precision, known: AlgorithmChoices) {
    (self.policy, self.precision, self.known) = (policy, precision, known)
  }

  /// Settles the algorithm of a convolution pass: a known choice, the policy, or the fastest of `candidates`.
  mutating func choose(_ pass: ConvolutionPass, _ problem: ConvolutionProblem, among candidates: [Candidate])
    -> ConvolutionAlgorithm
  {
    let key = problem.key(of: pass)
    let settled = [choices, known].lazy.compactMap { $0.choices[key] }
      .first { chosen in candidates.contains { $0.algorithm == chosen } }
    let chosen = settled ?? choose(key, problem, among: candidates)
    require(choices.choices[key].map { $0 == chosen } ?? true, "two algorithms for \(key)")
    choices.choices[key] = chosen
    return chosen
  }

  /// The algorithm that the policy wants.
  private mutating func choose(
    _ key: String, _ problem: ConvolutionProblem, among candidates: [Candidate]
  ) -> ConvolutionAlgorithm {
    func available(_ wanted: ConvolutionAlgorithm) -> ConvolutionAlgorithm {
      candidates.contains { $0.algorithm == wanted } ? wanted : candidates[0].algorithm
    }
    switch policy {
    case .estimated:
      // Above 10 x 10 Winograd was the faster one for nearly every layer and processor that was measured, below it seldom.
      return available(problem.positions > 100 && precision == .f32 ? .winograd : .direct)
    case .only(let wanted): return available(wanted)
    case .timed:
      if candidates.count == 1 { return candidates[0].algorithm }
      let times = bestTimes(candidates.map { $0.rehearse() })
      timings += zip(candidates, times).map {
        MethodTiming(
          convolution: key, algorithm: $0.algorithm, implementation: $0.implementation, seconds: $1,
          floatingPointOperations: 2 * problem.multiplications)
      }
      return candidates[times.indices.min { times[$0] < times[$1] } ?? 0].algorithm
    }
  }

  /// The best time of each candidate, in seconds.
  ///
  /// They take turns, so that what else the machine does for a while hits all of them; where two are close, more turns decide.
  /// So they do where a run is short: one in which a thread loses its core takes milliseconds, whatever it computes.
  private func bestTimes(_ rehearsals: [ConvolutionRehearsal]) -> [Double] {
    let longEnough = 2e-3
    var best = [Double](repeating: .infinity, count: rehearsals.count)
    for round in 0..<12 {
      for (index, rehearsal) in rehearsals.enumerated() {
        let seconds = rehearsal.run()
        // The first run compiles and touches memory.
        if round > 0 { best[index] = min(best[index], seconds) }
      }
      guard let least = best.min(), least > longEnough else { continue }
      if round >= 5 || (round >= 2 && best.allSatisfy { $0 == least || $0 > 1.3 * least }) { break }
    }
    return best
  }
}
