import Checkpoints
import Foundation

/// How far a run has got, as its directory shows from outside.
struct RunProgress {
  /// The steps in the metrics.
  private(set) var steps = 0
  /// The passes over the data in the last row.
  private(set) var epoch = 0.0
  /// The set that is being written, nil when none is.
  private(set) var writing: String?
  /// The last file of that set that has been begun.
  private(set) var file: String?

  /// Reads the directory of a run that logs every step.
  init(of directory: String) {
    for line in Self.end(of: "\(directory)/metrics.jsonl").split(separator: "\n") where line.contains("\"loss\"") {
      guard let row = MetricsNumbers(line: line) else { continue }
      steps = row.step
      epoch = row.values["epoch"] ?? epoch
    }
    readWriting(in: "\(directory)/checkpoints")
  }

  /// The last few rows of a file that may be long.
  private static func end(of path: String) -> String {
    guard let file = FileHandle(forReadingAtPath: path), let length = try? file.seekToEnd() else { return "" }
    try? file.seek(toOffset: length - min(length, 2048))
    return String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
  }

  /// Reads only what is being written: for the moments when milliseconds count.
  init(ofCheckpoints directory: String) { readWriting(in: "\(directory)/checkpoints") }

  private mutating func readWriting(in folder: String) {
    let prefix = ".writing-step-"
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    guard let entry = entries.first(where: { $0.hasPrefix(prefix) }) else { return }
    writing = String(entry.dropFirst(".writing-".count))
    let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(entry)")) ?? []
    file = ["state.json", "optimizer.safetensors", "model.safetensors"].first { files.contains($0) }
  }
}
