import Detection
import Foundation
import Tensors
import Testing

@testable import Training

/// Oracle: sums by hand.
@Suite struct BenchmarkTests {
  private static func span(
    _ name: String, _ kind: String, _ start: Double, _ end: Double, row: Timeline.Row = .compute, work: Double = 0
  ) -> Timeline.Span {
    Timeline.Span(
      label: WorkLabel(name, pass: "forward", kind: kind, floatingPointOperations: work), row: row, start: start,
      end: end)
  }

  @Test("the table has means over steps, sums kinds, and leaves transfers out")
  func table() {
    let spans = [
      Self.span("a", "convolution", 0, 0.25, work: 1e9), Self.span("b", "relu", 0.25, 0.5),
      Self.span("c", "convolution", 0.5, 0.75, work: 2e9), Self.span("bucket", "allreduce", 0, 2, row: .allreduce),
      Self.span("a", "convolution", 1, 1.75, work: 1e9), Self.span("b", "relu", 1.75, 1.75),
      Self.span("c", "convolution", 1.75, 2, work: 2e9),
    ]
    let table = OperationTable(spans, steps: 2, stepSeconds: 1)
    #expect(table.operations.map(\.label.name) == ["a", "b", "c"])
    #expect(table.operations.map(\.seconds) == [0.5, 0.125, 0.25])
    #expect(table.operations.map(\.gigaflopsPerSecond) == [2, 0, 8])
    #expect(table.kinds.map(\.label.kind) == ["convolution", "relu"])
    #expect(table.kinds.map(\.seconds) == [0.75, 0.125])
    #expect(table.kinds[0].gigaflopsPerSecond == 4)
    #expect(table.seconds(ofKind: "relu") == 0.125)
    #expect(table.text.contains("the table explains 87.5 % of a step of 1000 ms"))
  }

  @Test("time that several transfers share counts once")
  func covered() {
    let spans = [(1.0, 3.0), (2.0, 4.0), (6.0, 7.0), (6.25, 6.5)].map { Self.span("", "", $0.0, $0.1) }
    #expect(spans.coveredSeconds == 4)
  }

  @Test("transfers that overlap stand on rows of their own; ranks of a host count from its first rank's barrier")
  func trace() throws {
    let spans = [
      Self.span("work", "relu", 10.5, 11), Self.span("0", "allreduce", 11, 13, row: .allreduce),
      Self.span("1", "allreduce", 12, 14, row: .allreduce), Self.span("2", "allreduce", 13, 15, row: .allreduce),
    ]
    let ranks = [("here", 10.0), ("here", 10.25), ("there", 3.0)].map {
      ChromeTrace.Rank(host: $0.0, origin: $0.1, spans: spans)
    }
    let data = try JSONEncoder().encode(ChromeTrace(ranks))
    let trace = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let events = try #require(trace["traceEvents"] as? [[String: Any]]).filter { $0["ph"] as? String == "X" }
    #expect(events.map { $0["tid"] as? Int } == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1])
    #expect(events.map { $0["pid"] as? Int } == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    let starts: [Double] = [500_000, 1_000_000, 2_000_000, 3_000_000]
    let later = starts.map { $0 + 7_000_000 }
    #expect(events.compactMap { $0["ts"] as? Double } == starts + starts + later)
    let lengths: [Double] = [500_000, 2_000_000, 2_000_000, 2_000_000]
    #expect(events.compactMap { $0["dur"] as? Double } == lengths + lengths + lengths)
  }

  @Test("medians are those of sorted values")
  func median() {
    #expect([3.0, 1, 2].median == 2)
    #expect([4.0, 1, 2, 3].median == 2.5)
    #expect([Double]().median == 0)
    let cost = BenchmarkReport.DropBlockCost(on: [1.1, 2.4, 3], off: [1, 2, 3])
    #expect(abs(cost.percent - 10) < 1e-9 && cost.on_seconds == 2.4 && cost.off_seconds == 2)
  }

  @Test("the synthetic batch is a function of seed and rank, with positives for its objects")
  func synthetic() {
    var configuration = Configuration(form: .torchvision)
    configuration.model.classes = 3
    configuration.input.size = Configuration.ImageSize(height: 64, width: 96)
    func batch(seed: UInt64, rank: Int) -> SyntheticBatch<Detector> {
      configuration.random.seed = seed
      return SyntheticBatch(Detector(configuration), images: 2, rank: rank)
    }
    let (first, again) = (batch(seed: 1, rank: 0), batch(seed: 1, rank: 0))
    #expect(first.images.count == 2 * 3 * 64 * 96)
    #expect(first.images.elementsEqual(again.images))
    #expect(first.targets.map(\.positives) == again.targets.map(\.positives))
    for other in [batch(seed: 2, rank: 0), batch(seed: 1, rank: 1)] {
      #expect(!first.images.elementsEqual(other.images))
      #expect(first.targets.map(\.positives) != other.targets.map(\.positives))
    }
    #expect(first.targets[0].positives != first.targets[1].positives)
    for targets in first.targets {
      #expect(targets.positiveCount > 0)
      #expect(targets.positives.allSatisfy { (0..<3).contains($0.classIndex) })
    }
    let count = Double(first.images.count)
    let mean = first.images.reduce(0) { $0 + Double($1) } / count
    let square = first.images.reduce(0) { $0 + Double($1) * Double($1) } / count
    // Five standard errors of 36,864 standard normal numbers.
    #expect(abs(mean) < 5 / count.squareRoot() && abs(square - 1) < 5 * (2 / count).squareRoot())
  }
}
