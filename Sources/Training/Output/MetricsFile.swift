import Datasets
import Foundation
import Tensors

/// The writer of `metrics.jsonl`: one JSON object a line.
public final class MetricsFile: Sendable {
  private let file: AppendingFile

  /// Opens the file for a run that has done `step` updates, 0 for a new one.
  ///
  /// A killed run may have written rows past the checkpoint that is resumed from, and half a row at the end. These are
  /// taken out, so that the file is the one of a run that was never stopped. So is the row of an evaluation at `step` that
  /// the run is going to do again.
  /// - Throws: `InputError` with code 73.
  public init(path: String, resumingAt step: Int, owesEvaluation: Bool = false) throws {
    var bytes: [UInt8] = []
    // What cannot be read cannot be appended to either, and is told there.
    if (try? readFile(path, into: &bytes)) != nil, let text = String(validating: bytes, as: UTF8.self) {
      let lines = text.split(separator: "\n")
      let kept = lines.filter { line in
        guard let row = MetricsNumbers(line: line) else { return false }
        let isOwed = owesEvaluation && row.step == step && row.values[EvaluationMetrics.secondsKey] != nil
        return row.step <= step && step > 0 && !isOwed
      }
      if kept.count < lines.count || !text.hasSuffix("\n") {
        try RunDirectory.replace(path, with: kept.map { $0 + "\n" }.joined())
      }
    }
    file = try AppendingFile(path: path)
  }

  /// Appends a row.
  ///
  /// - Throws: `InputError` with code 73.
  public func append(_ row: MetricsRow) throws {
    try file.append(line: row.json)
  }
}
