import Foundation

/// The numbers of a line of `metrics.jsonl`, as they were written.
///
/// Foundation's untyped reader of JSON loses their last digits, which a comparison to the bit would not notice.
struct MetricsNumbers: Equatable {
  /// Updates done.
  let step: Int
  /// The other numbers by name; those that are null, because they were not finite, are left out.
  var values: [String: Double]

  /// A value: a number, or something that is none.
  private struct Value: Decodable {
    let number: Double?
    init(from decoder: any Decoder) throws { number = try? decoder.singleValueContainer().decode(Double.self) }
  }

  /// Reads a line; nil for one that no run has written.
  init?(line: some StringProtocol) {
    guard let row = try? JSONDecoder().decode([String: Value].self, from: Data(line.utf8)),
      let step = row["step"]?.number.flatMap(Int.init(exactly:))
    else { return nil }
    self.step = step
    values = row.compactMapValues(\.number).filter { $0.key != "step" }
  }
}
