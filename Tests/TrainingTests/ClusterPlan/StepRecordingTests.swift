import Distributed
import Tensors
import Testing

@testable import Training

/// Oracle: sums by hand.
@Suite struct StepRecordingTests {
  private static func span(
    _ label: WorkLabel, _ start: Double, _ end: Double, _ row: Timeline.Row = .compute
  ) -> Timeline.Span {
    Timeline.Span(label: label, row: row, start: start, end: end)
  }
  private static let backward = WorkLabel("layer", pass: "backward", kind: "convolution")
  private static let forward = WorkLabel("layer", pass: "forward", kind: "convolution")
  private static let wait = WorkLabel("wait", pass: "communicate", kind: "allreduce calls")
  private static func sum(_ bytes: Int) -> WorkLabel {
    WorkLabel("sum over ranks", pass: "communicate", kind: "statistics", summedBytes: bytes)
  }

  /// Two passes; the clock of the last one stands in MPI and while parameters move, and runs in the gaps.
  private static let spans = [
    span(.batch, 10, 11), span(backward, 11, 19),
    span(.batch, 19.5, 21), span(.agreement, 20, 20.5, .statistics), span(forward, 21, 25),
    span(sum(64), 23, 24, .statistics),
    span(sum(8), 25, 25.5, .statistics),
    span(backward, 26, 28), span(.gradientPost, 28, 28.5), span(backward, 29, 30), span(.gradientPost, 30, 31),
    span(.descent(0), 31, 31.25), span(wait, 31.25, 33), span(.descent(1), 33, 33.75),
    span(WorkLabel("bucket 0", pass: "communicate", kind: "allreduce"), 28, 31, .allreduce),
  ]

  @Test("the clock stands inside MPI and while parameters move")
  func clock() {
    let recording = StepRecording(Self.spans.shuffled())
    // 1 of the batch, 4 forward without 1, 1 of the gap without 0.5, 2 backward, 0.5 of a gap, 1 backward.
    #expect(recording.passSeconds == 8)
    #expect(recording.polls == [6.5, 8])
    #expect(recording.ready == [6.5, 8] && recording.updates == [0.25, 0.75])
    #expect(recording.sumTimes == [3, 4] && recording.sumBytes == [64, 8])
  }

  @Test("the mean of steps, scaled")
  func mean() {
    let slower = Self.spans.map { Self.span($0.label, 3 * $0.start, 3 * $0.end, $0.row) }
    let mean = StepRecording(meanOf: [StepRecording(Self.spans), StepRecording(slower)], times: 0.5)
    #expect(mean == StepRecording(Self.spans))
  }

  @Test("passes in front of the last are what is left of the step, or as long as the last one and an addition")
  func earlierPasses() {
    let three = measuredSample(passSeconds: 2, buckets: [(100, 2, 0.5)], passes: 3, computeSeconds: 7.5)
    #expect(three.earlierPassSeconds == 2.5)
    let one = measuredSample(passSeconds: 2, buckets: [(100, 2, 0.5), (28, 2, 0)], sum: 0.0625)
    #expect(one.earlierPassSeconds == 10)
  }
}
