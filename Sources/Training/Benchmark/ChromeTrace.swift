import Datasets
import Distributed
import Foundation
import Tensors

/// The timelines of all ranks as trace events for a browser (about:tracing, ui.perfetto.dev).
///
/// A process of the trace is a rank; its first row is the thread that runs the step, below it are the sums of gradients
/// under way, on further rows where they overlap. Format: "Trace Event Format", Google, complete and metadata events.
struct ChromeTrace: Encodable {
  /// What a rank contributes.
  struct Rank: Codable {
    /// Its host, whose processes share a clock.
    let host: String
    /// When it left the barrier in front of the first step, in seconds of its host's clock.
    let origin: Double
    /// What it did.
    let spans: [Timeline.Span]
  }

  private struct Event: Encodable {
    let name: String
    let ph: String
    let pid: Int
    let tid: Int
    var cat: String?
    /// Microseconds since the barrier.
    var ts: Double?
    /// Microseconds.
    var dur: Double?
    var args: [String: String]
  }

  private let traceEvents: [Event]
  private let displayTimeUnit = "ms"

  /// The trace of all ranks, in rank order.
  ///
  /// Ranks of one host share its clock and take the first one's origin; hosts are as far apart as a barrier lets them be.
  init(_ ranks: [Rank]) {
    let origins = Dictionary(ranks.map { ($0.host, $0.origin) }) { min($0, $1) }
    traceEvents = ranks.enumerated().flatMap { rank, timeline in
      Self.events(of: timeline, rank: rank, origin: origins[timeline.host] ?? timeline.origin)
    }
  }

  private static func events(of timeline: Rank, rank: Int, origin: Double) -> [Event] {
    var events = [metadata("process_name", rank, 0, "rank \(rank) on \(timeline.host)")]
    /// When the last sum on each row ended.
    var ends: [Double] = []
    for span in timeline.spans.sorted(by: { $0.start < $1.start }) {
      var row = 0
      switch span.row {
      case .compute: break
      case .allreduce, .statistics:
        let free = ends.firstIndex { $0 <= span.start } ?? ends.count
        if free == ends.count { ends.append(0) }
        ends[free] = span.end
        row = free + 1
      }
      events.append(event(span, rank, row, origin))
    }
    events.append(metadata("thread_name", rank, 0, "step"))
    for row in ends.indices { events.append(metadata("thread_name", rank, row + 1, "allreduce")) }
    return events
  }

  private static func event(_ span: Timeline.Span, _ rank: Int, _ row: Int, _ origin: Double) -> Event {
    let label = span.label
    var arguments = ["pass": label.pass]
    if !label.algorithm.isEmpty { arguments["algorithm"] = label.algorithm }
    if label.floatingPointOperations > 0 {
      arguments["GFLOP/s"] = NumberText.significant(label.floatingPointOperations / span.seconds / 1e9)
    }
    return Event(
      name: label.name, ph: "X", pid: rank, tid: row, cat: label.kind, ts: (span.start - origin) * 1e6,
      dur: span.seconds * 1e6, args: arguments)
  }

  private static func metadata(_ name: String, _ rank: Int, _ row: Int, _ value: String) -> Event {
    Event(name: name, ph: "M", pid: rank, tid: row, args: ["name": value])
  }

  /// Gathers every rank's part on the first rank, in rank order; an empty list elsewhere.
  ///
  /// All ranks call it.
  static func gather(_ rank: Rank, _ communicator: Communicator) throws -> [Rank] {
    let parts = try communicator.gather(Array(try JSONEncoder().encode(rank)))
    return try parts.map { try JSONDecoder().decode(Rank.self, from: Data($0)) }
  }

  /// Writes the trace as JSON without line breaks; throws 73.
  func write(to path: String) throws { try writeFile(Array(try JSONEncoder().encode(self)), to: path) }
}
