/// Along one axis of a pass of a depthwise convolution: what each target position sums.
///
/// Forward, targets are results and read positions of the map; backward, targets are positions of the map and read gradients
/// of the results.
struct DepthwiseAxis {
  /// What the first target of a run reads with a tap.
  struct Term {
    let source: Int
    let tap: Int
  }

  /// Targets at even distances that read with the same taps, each of them sources at even distances from those before.
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
  /// The run of each target and its place there.
  let places: [(run: Int, index: Int)]

  init(_ pass: ConvolutionPass, _ window: WindowAxis, size: Int) {
    let results = window.resultCount(size: size)
    let isForward = pass == .forward
    let all: [[Term]] = (0..<(isForward ? results : size)).map { target in
      (0..<window.length).compactMap { tap in
        let source =
          isForward ? window.position(ofTap: tap, result: target) : window.result(readingWith: tap, position: target)
        guard let source, (0..<(isForward ? size : results)).contains(source) else { return nil }
        return Term(source: source, tap: tap)
      }
    }
    let (targetStep, sourceStep) = isForward ? (1, window.stride) : (window.stride, 1)
    var (runs, terms): ([Run], [Term]) = ([], [])
    var places = all.map { _ in (run: 0, index: 0) }
    for phase in 0..<min(targetStep, all.count) {
      var start = phase
      while start < all.count {
        var end = start
        while end < all.count && all[end].map(\.tap) == all[start].map(\.tap) {
          places[end] = (runs.count, (end - start) / targetStep)
          end += targetStep
        }
        runs.append(
          Run(
            firstTarget: start, targetStep: targetStep, sourceStep: sourceStep, count: (end - start) / targetStep,
            terms: terms.count..<terms.count + all[start].count))
        terms += all[start]
        start = end
      }
    }
    (self.runs, self.terms, self.places) = (runs, terms, places)
  }
}
