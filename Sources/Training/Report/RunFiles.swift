import Checkpoints
import Datasets
import Foundation
import Tensors

/// What a run directory tells about its run, read without its data or its model.
struct RunFiles {
  /// A row of `metrics.jsonl`.
  struct Row: Equatable {
    /// Updates done.
    let step: Int
    /// The numbers by name; those that are null, because they were not finite, are left out.
    let values: [String: Double]
    /// Of an evaluation their names, in the order in which they were written.
    let names: [String]

    /// Passes over the training images done.
    var epoch: Double { values["epoch"] ?? 0 }
    /// Whether it is of an evaluation.
    var isEvaluation: Bool { values[EvaluationMetrics.secondsKey] != nil }
  }

  let directory: RunDirectory
  let configuration: Configuration
  /// The rows of training steps and of evaluations, in the order of their steps.
  let training: [Row]
  let evaluations: [Row]
  /// What happened; empty for runs of versions that did not write it down.
  let history: [RunEvent]

  /// Reads a run directory.
  ///
  /// - Throws: `InputError` with code 66 where there is no run, 65 for files that no run has written.
  init(_ path: String) throws {
    directory = RunDirectory(path: path)
    guard FilePath(directory.path).isDirectory else {
      throw InputError(.missingFile, "\(path): expected a run directory, found none; give the directory of --output")
    }
    guard let configuration = try directory.configuration() else {
      throw InputError(
        .missingFile, "\(path): expected a run directory, found no config.yaml in it; give the directory of --output")
    }
    self.configuration = configuration
    let rows = try Self.lines(of: directory.metricsFile) { try Self.row($0) }
    training = rows.filter { !$0.isEvaluation }
    evaluations = rows.filter(\.isEvaluation)
    let decoder = JSONDecoder()
    history = try Self.lines(of: directory.historyFile) { try decoder.decode(RunEvent.self, from: Data($0.utf8)) }
  }

  /// The lines of a file, none where it is not there; the last one may be half written.
  private static func lines<Line>(of path: String, _ read: (Substring) throws -> Line) throws -> [Line] {
    guard FilePath(path).exists else { return [] }
    var bytes: [UInt8] = []
    try readFile(path, into: &bytes)
    let text = String(decoding: bytes, as: UTF8.self)
    let lines = text.split(separator: "\n")
    var result: [Line] = []
    for (index, line) in lines.enumerated() {
      do {
        result.append(try read(line))
      } catch {
        if index == lines.count - 1 && !text.hasSuffix("\n") { break }
        throw InputError(
          .badData, "\(path):\(index + 1): expected a line as runs write them, got \(line.prefix(80)); take it out")
      }
    }
    return result
  }

  private struct NotARow: Error {}

  private static func row(_ line: Substring) throws -> Row {
    guard let numbers = MetricsNumbers(line: line) else { throw NotARow() }
    let (step, values) = (numbers.step, numbers.values)
    if values[EvaluationMetrics.secondsKey] == nil { return Row(step: step, values: values, names: []) }
    // Names hold no quotation marks, so they are what stands between two.
    let parts = line.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
    return Row(step: step, values: values, names: parts.filter { values[$0] != nil })
  }

  /// What the run came to.
  var state: String {
    let last = history.last { $0.kind != .warning }
    switch last?.kind {
    case .finished: return "finished"
    case .stopped: return "stopped after step \(last?.step ?? 0)"
    case .failed: return "ended with an error after step \(last?.step ?? 0)"
    case .started, .warning, nil:
      return training.last.map { "step \($0.step)" } ?? "no step yet"
    }
  }

  /// The figure that the task's best checkpoint is chosen by.
  var decisiveFigure: String { configuration.task.decisiveFigure }

  /// The evaluation with the largest decisive figure, the earliest of equals.
  var best: Row? {
    evaluations.reduce(nil) { best, row in
      guard let figure = row.values[decisiveFigure] else { return best }
      return figure > (best?.values[decisiveFigure] ?? -.infinity) ? row : best
    }
  }

  /// The checkpoints that are there, with their sizes in bytes.
  var checkpoints: [(step: Int, bytes: Int)] {
    let store = CheckpointStore(runDirectory: directory.path)
    return store.steps.map { step in
      let set = "\(store.directory)/\(CheckpointStore.name(ofStep: step))"
      let files = (try? FileManager.default.contentsOfDirectory(atPath: set)) ?? []
      let sizes = files.compactMap {
        (try? FileManager.default.attributesOfItem(atPath: "\(set)/\($0)"))?[.size] as? Int
      }
      return (step, sizes.reduce(0, +))
    }
  }
}
