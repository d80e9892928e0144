import Distributed
import Tensors

/// Where a recorded step computed and where it let MPI work, by a clock that stands inside MPI and while parameters move.
struct StepRecording: Equatable {
  /// Seconds of the last pass of the step on this clock.
  private(set) var passSeconds = 0.0
  /// Ends of the backward operations.
  private(set) var polls: [Double] = []
  /// When each bucket was handed over.
  private(set) var ready: [Double] = []
  /// Seconds that the parameters of each bucket took to move.
  private(set) var updates: [Double] = []
  /// When each sum over ranks began.
  private(set) var sumTimes: [Double] = []
  /// Bytes of each of them.
  private(set) var sumBytes: [Int] = []

  /// Reads the spans of one step, in any order.
  init(_ spans: [Timeline.Span]) {
    let work = spans.filter { $0.row == .compute }.sorted { $0.start < $1.start }
    guard let first = work.lastIndex(where: { $0.label == .batch }) else { return }
    var position = work[first].start
    var sums = spans.filter { $0.row == .statistics && $0.start >= position }.sorted { $0.start < $1.start }[...]
    for span in work[first...] {
      advance(&position, to: span.start, past: &sums)
      if span.label == .gradientPost { ready.append(passSeconds) }
      if span.label.isGradientCall {
        position = span.end
      } else if span.label.kind == WorkLabel.descentKind {
        updates.append(span.seconds)
        position = span.end
      } else {
        advance(&position, to: span.end, past: &sums)
        if span.label.pass == "backward" { polls.append(passSeconds) }
      }
    }
  }

  /// Lets the clock run from `position` to `end`, but for the sums between them.
  private mutating func advance(_ position: inout Double, to end: Double, past sums: inout ArraySlice<Timeline.Span>) {
    while let sum = sums.first, sum.start < end {
      passSeconds += sum.start - position
      if sum.label != .agreement {
        sumTimes.append(passSeconds)
        sumBytes.append(sum.label.summedBytes)
      }
      position = sum.end
      sums.removeFirst()
    }
    passSeconds += end - position
    position = end
  }

  /// The mean of recordings of the same step, times a factor.
  init(meanOf recordings: [StepRecording], times factor: Double) {
    guard let first = recordings.first else { return }
    func mean(_ list: (StepRecording) -> [Double]) -> [Double] {
      list(first).indices.map { index in
        recordings.map { list($0)[index] }.mean * factor
      }
    }
    require(
      recordings.allSatisfy {
        $0.polls.count == first.polls.count && $0.ready.count == first.ready.count
          && $0.updates.count == first.updates.count && $0.sumBytes == first.sumBytes
      },
      "steps of one plan that do other work")
    passSeconds = recordings.map(\.passSeconds).mean * factor
    (polls, ready, updates, sumTimes) = (mean(\.polls), mean(\.ready), mean(\.updates), mean(\.sumTimes))
    sumBytes = first.sumBytes
  }
}
