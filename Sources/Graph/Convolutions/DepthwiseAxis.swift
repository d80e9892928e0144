/// Along one axis of a pass of a depthwise convolution: what each target position sums.
///
/// Forward, targets are results and read positions of the map; backward, targets are positions of the map and read gradients of
/// the results.
struct DepthwiseAxis {
  /// What a target reads with a tap.
  struct Term {
    /// The source of the first target of a run.
    let source: Int
    let tap: Int
  }

  /// Targets at even distances that read with the same taps, each the sources next to those of the one before it.
  struct Run {
    let firstTarget: Int
    let targetStep: Int
    let sourceStep: Int
    let count: Int
    /// Where its terms lie among all.
    let terms: Range<Int>
  }

  let runs: [Run]
  let terms: [Term]
  /// For each target where its terms lie; sources are those of this target.
  let targets: [Range<Int>]
  /// The terms of each target.
  let targetTerms: [Term]

  init(_ pass: ConvolutionPass, _ window: WindowAxis, size: Int) {
    let results = window.resultCount(size: size)
    let isForward = pass == .forward
    let all: [[Term]] = (0..<(isForward ? results : size)).map { target in
      (0..<window.length).compactMap { tap in
        if isForward {
          let position = window.position(ofTap: tap, result: target)
          return (0..<size).contains(position) ? Term(source: position, tap: tap) : nil
        }
        guard let result = window.result(readingWith: tap, position: target), result < results else { return nil }
        return Term(source: result, tap: tap)
      }
    }
    let (targetStep, sourceStep) = isForward ? (1, window.stride) : (window.stride, 1)
    var runs: [Run] = []
    var terms: [Term] = []
    for phase in 0..<min(targetStep, all.count) {
      var start = phase
      while start < all.count {
        var end = start + targetStep
        while end < all.count && all[end].map(\.tap) == all[start].map(\.tap) { end += targetStep }
        runs.append(
          Run(
            firstTarget: start, targetStep: targetStep, sourceStep: sourceStep, count: (end - start) / targetStep,
            terms: terms.count..<terms.count + all[start].count))
        terms += all[start]
        start = end
      }
    }
    (self.runs, self.terms) = (runs, terms)
    var targetTerms: [Term] = []
    targets = all.map { own in
      defer { targetTerms += own }
      return targetTerms.count..<targetTerms.count + own.count
    }
    self.targetTerms = targetTerms
  }
}
