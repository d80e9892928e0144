import Checkpoints
import Foundation
import Tensors

/// Whether two finished runs are the same to the bit.
struct RunComparison {
  let expected: String
  let actual: String

  /// The first difference in words, nil when there is none.
  ///
  /// Compared are the last checkpoint (weights, batch-norm statistics, momentum, and the state with the position in the
  /// data, the algorithms and a digest of the last masks), every row of metrics but what the clock put there, and the
  /// detections of every evaluation.
  func difference() throws -> String? {
    try checkpointDifference() ?? metricsDifference() ?? evaluationDifference()
  }

  private func checkpointDifference() throws -> String? {
    let stores = [expected, actual].map { CheckpointStore(runDirectory: $0) }
    guard let step = stores[0].latestStep else { return "\(expected) has no last checkpoint" }
    guard stores[1].latestStep == step else {
      return "the last checkpoint is that of step \(stores[1].latestStep.map { "\($0)" } ?? "none"), expected \(step)"
    }
    let sets = try [expected, actual].map {
      try CheckpointSet(directory: "\($0)/checkpoints/\(CheckpointStore.name(ofStep: step))")
    }
    return try tensorDifference(sets[0].model, sets[1].model) ?? tensorDifference(sets[0].optimizer, sets[1].optimizer)
      ?? textDifference("checkpoints/\(CheckpointStore.name(ofStep: step))/state.json")
  }

  /// Files with the same bytes hold the same tensors; of others the first tensor and place are named.
  private func tensorDifference(_ first: SafetensorsFile, _ second: SafetensorsFile) throws -> String? {
    if FileManager.default.contentsEqual(atPath: first.path, andPath: second.path) { return nil }
    let name = URL(fileURLWithPath: first.path).lastPathComponent
    if first.names != second.names { return "\(name): other tensors" }
    for entry in first.entries where entry.elementType == .float32 {
      let (a, b) = (try first.floats(named: entry.name), try second.floats(named: entry.name))
      if a.count != b.count { return "\(name): \(entry.name): \(b.count) elements, expected \(a.count)" }
      let differing = zip(a, b).enumerated().filter { $1.0.bitPattern != $1.1.bitPattern }
      if let (index, pair) = differing.first {
        return "\(name): \(entry.name)[\(index)] is \(pair.1), expected \(pair.0); \(differing.count) of \(a.count) "
          + "elements of the tensor differ"
      }
    }
    return "\(name): other bytes around equal numbers"
  }

  private func textDifference(_ file: String) throws -> String? {
    let texts = try [expected, actual].map { try String(contentsOfFile: "\($0)/\(file)", encoding: .utf8) }
    let lines = texts.map { $0.split(separator: "\n", omittingEmptySubsequences: false) }
    // The first line of a state is a hash of the others, which say more.
    for (a, b) in zip(lines[0], lines[1]) where a != b && !a.contains("\"xxh64\"") {
      return "\(file): \(b.trimmingCharacters(in: .whitespaces)), expected \(a.trimmingCharacters(in: .whitespaces))"
    }
    return texts[0] == texts[1] ? nil : "\(file): \(lines[1].count) lines, expected \(lines[0].count)"
  }

  private func metricsDifference() throws -> String? {
    let rows = try [expected, actual].map { try Self.rows("\($0)/metrics.jsonl") }
    for (a, b) in zip(rows[0], rows[1]) where a != b {
      if a.step != b.step { return "metrics.jsonl: a row of step \(b.step), expected one of step \(a.step)" }
      let names = Set(a.values.keys).union(b.values.keys).sorted().filter { a.values[$0] != b.values[$0] }
      func text(_ row: MetricsNumbers) -> String { names.first.flatMap { row.values[$0] }.map { "\($0)" } ?? "missing" }
      return "metrics.jsonl: step \(b.step): \(names.first ?? "") is \(text(b)), expected \(text(a))"
    }
    return rows[0].count == rows[1].count
      ? nil : "metrics.jsonl: \(rows[1].count) rows, expected \(rows[0].count)"
  }

  /// What a repetition must give again of each row.
  private static func rows(_ path: String) throws -> [MetricsNumbers] {
    try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
      guard var row = MetricsNumbers(line: line) else {
        throw InputError(.badData, "\(path): expected rows as runs write them, got \(line.prefix(80))")
      }
      row.values = row.values.filter { !$0.key.hasSuffix("_seconds") && $0.key != "images_per_second" }
      return row
    }
  }

  private func evaluationDifference() throws -> String? {
    let folder = "evaluations"
    let names = [expected, actual].map {
      (try? FileManager.default.contentsOfDirectory(atPath: "\($0)/\(folder)"))?.sorted() ?? []
    }
    if names[0] != names[1] { return "\(folder): \(names[1]), expected \(names[0])" }
    for name in names[0] {
      let files = try [expected, actual].map { run in
        try FileManager.default.contentsOfDirectory(atPath: "\(run)/\(folder)/\(name)").filter { $0.hasSuffix(".json") }
          .sorted()
      }
      if files[0] != files[1] { return "\(folder)/\(name): \(files[1]), expected \(files[0])" }
      for file in files[0] {
        let paths = [expected, actual].map { "\($0)/\(folder)/\(name)/\(file)" }
        if !FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]) {
          return "\(folder)/\(name)/\(file): other results or figures"
        }
      }
    }
    return nil
  }
}
