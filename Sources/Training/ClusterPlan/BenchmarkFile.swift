import Datasets
import Distributed
import Foundation
import Tensors

/// What `plan` reads of a file that `bench --json` wrote.
struct BenchmarkFile: Decodable {
  struct Spread: Decodable {
    let median: Double
  }

  let model: String
  let image_size: [Int]
  let precision: String
  let ranks: Int
  let threads_per_rank: Int
  let batch_per_rank: Int
  let step_seconds: Spread
  let peak_rss_bytes: Int
  let communication: CommunicationReport
}

extension BenchmarkFile {
  /// What a benchmark has just found.
  init(_ report: BenchmarkReport) {
    (model, image_size, precision) = (report.model, report.image_size, report.precision)
    (ranks, threads_per_rank, batch_per_rank) = (report.ranks, report.threads_per_rank, report.batch_per_rank)
    (step_seconds, peak_rss_bytes) = (Spread(median: report.step_seconds.median), report.peak_rss_bytes)
    communication = report.communication
  }

  /// Reads a file; throws 66 where it is missing, 65 where it is something else or holds what no benchmark finds.
  init(path: String) throws {
    var bytes: [UInt8] = []
    try readFile(path, into: &bytes)
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw Self.unfit(path, error.place, "the figures of bench --json: \(error.reason)")
    }
    try check(path)
  }

  /// Figures that would make the prediction nonsense are errors, not rows.
  private func check(_ path: String) throws {
    func expect(_ isGood: Bool, _ place: String, _ expected: String) throws {
      if !isGood { throw Self.unfit(path, place, expected) }
    }
    for (place, number) in counts {
      try expect((1...Self.limit).contains(number), place, "a whole number of at least 1")
    }
    let (nodes, ranksPerNode) = (communication.nodes, communication.ranks_per_node)
    try expect(
      nodes * ranksPerNode == ranks, "ranks", "nodes x ranks_per_node, which are \(nodes) x \(ranksPerNode)")
    for (place, number) in sizes { try expect((0...Self.limit).contains(number), place, "bytes from 0") }
    for (place, seconds) in durations {
      try expect(seconds > 0 && Self.areTimes([seconds]), place, "seconds above 0")
    }
    try expect(!communication.buckets.isEmpty, "communication.buckets", "at least one bucket")
    for (place, times) in costsAndUpdates { try expect(Self.areTimes(times), place, "seconds from 0") }
    for (place, times) in moments {
      let isOrdered = zip(times, times.dropFirst()).allSatisfy { $0 <= $1 }
      // Sums of rounded numbers may be past the end by their last digits.
      let isInside = times.allSatisfy { $0 <= communication.pass_seconds * (1 + 1e-9) }
      try expect(
        Self.areTimes(times) && isOrdered && isInside, place,
        "ascending seconds up to pass_seconds, \(communication.pass_seconds)")
    }
  }

  private static let limit = 1 << 40
  private static func areTimes(_ times: [Double]) -> Bool { times.allSatisfy { (0...1e6).contains($0) } }

  private var counts: [(place: String, number: Int)] {
    [
      ("ranks", ranks), ("threads_per_rank", threads_per_rank), ("batch_per_rank", batch_per_rank),
      ("communication.nodes", communication.nodes), ("communication.ranks_per_node", communication.ranks_per_node),
      ("communication.passes", communication.passes),
      ("communication.costs.socket_buffer_bytes", communication.costs.socketBufferBytes),
    ]
  }

  private var sizes: [(place: String, number: Int)] {
    [
      ("peak_rss_bytes", peak_rss_bytes), ("communication.further_rank_bytes", communication.further_rank_bytes),
      ("communication.checkpoint_bytes", communication.checkpoint_bytes),
    ] + communication.buckets.map { ("communication.buckets.bytes", $0.bytes) }
      + communication.rank_sums.map { ("communication.rank_sums.bytes", $0.bytes) }
  }

  private var durations: [(place: String, seconds: Double)] {
    [
      ("step_seconds.median", step_seconds.median), ("communication.compute_seconds", communication.compute_seconds),
      ("communication.pass_seconds", communication.pass_seconds),
    ]
  }

  private var costsAndUpdates: [(place: String, times: [Double])] {
    let costs = communication.costs
    return [
      (
        "communication.costs",
        [
          costs.messageSeconds, costs.tcpSecondsPerByte, costs.copySecondsPerByte, costs.sumSecondsPerByte,
          costs.halfSecondsPerFloat,
        ]
      ), ("communication.buckets.update_seconds", communication.buckets.map(\.update_seconds)),
    ]
  }

  private var moments: [(place: String, times: [Double])] {
    [
      ("communication.poll_seconds", communication.poll_seconds),
      ("communication.buckets.ready_seconds", communication.buckets.map(\.ready_seconds)),
      ("communication.rank_sums.at_seconds", communication.rank_sums.map(\.at_seconds)),
    ]
  }

  private static func unfit(_ path: String, _ place: String, _ expected: String) -> InputError {
    InputError(
      .badData,
      "\(path): \(place.isEmpty ? "the file" : place): expected \(expected); write the file again with: dropblock-dist bench "
        + "--config FILE --json \(path)")
  }
}

extension DecodingError {
  private var context: Context? {
    switch self {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
      .dataCorrupted(let context):
      context
    @unknown default: nil
    }
  }

  /// Where in the file it is, such as `communication.buckets[3].bytes`; empty for the whole file.
  fileprivate var place: String {
    var path = context?.codingPath ?? []
    if case .keyNotFound(let key, _) = self { path.append(key) }
    return path.reduce("") { text, key in
      if let index = key.intValue { return "\(text)[\(index)]" }
      return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
    }
  }

  /// What is wrong there.
  fileprivate var reason: String {
    if case .keyNotFound = self { return "it is missing" }
    return context?.debugDescription ?? "\(self)"
  }
}
