import Foundation
import Testing

/// A value of a JSON object: a number, or something that is none.
private struct Number: Decodable {
  let value: Double?
  init(from decoder: any Decoder) throws { value = try? decoder.singleValueContainer().decode(Double.self) }
}

/// The rows of evaluations in a run's `metrics.jsonl`: their figures as they were written.
///
/// Foundation's untyped reader of JSON would lose their last digits.
func evaluationRows(of run: String) throws -> [[String: Double]] {
  let text = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
  let rows = try text.split(separator: "\n").map { line in
    try JSONDecoder().decode([String: Number].self, from: Data(line.utf8)).compactMapValues(\.value)
  }
  return rows.filter { $0["evaluation_seconds"] != nil }.map { row in
    row.filter { !["step", "epoch", "evaluation_seconds"].contains($0.key) }
  }
}
