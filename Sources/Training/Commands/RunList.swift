import Foundation
import Tensors

/// `runs`: the runs of some folders, with what became of them.
public struct RunListRequest: Equatable, Sendable {
  /// The folders whose folders are runs.
  public var folders: [String]

  /// A request.
  public init(folders: [String]) { self.folders = folders }

  /// Shows a line a run; what is no run is passed over.
  ///
  /// - Throws: `InputError` with code 66 for a folder that is not there, 65 for files that no run has written.
  public func run(_ console: Console) throws {
    let runs = try folders.flatMap { folder in try Self.runs(in: folder) }
    if runs.isEmpty {
      console.say("no run in \(folders.joined(separator: ", "))")
      return
    }
    let head = ["run", "state", "step", "epoch", "figure", "last", "best", "images/s"]
    let lines = [head] + runs.map { Self.line($0.name, $0.files) }
    let widths = head.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    let texts = lines.map { line in
      line.indices.map { $0 < 2 ? NumberText.left(line[$0], widths[$0]) : NumberText.right(line[$0], widths[$0]) }
        .joined(separator: "  ")
    }
    console.say(texts.joined(separator: "\n"))
  }

  private static func runs(in folder: String) throws -> [(name: String, files: RunFiles)] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw InputError(
        .missingFile, "\(folder): expected a folder of runs, found none; give the folder that holds them")
    }
    return try names.sorted().map { "\(folder)/\($0)" }
      .filter { FilePath(RunDirectory(path: $0).configurationFile).exists }.map { ($0, try RunFiles($0)) }
  }

  private static func line(_ name: String, _ run: RunFiles) -> [String] {
    let figure = run.decisiveFigure
    func text(_ row: RunFiles.Row?) -> String { row?.values[figure].map { NumberText.fixed($0, 4) } ?? "-" }
    let last = run.training.last
    return [
      shown(name), run.state, last.map { "\($0.step)" } ?? "0", last.map { NumberText.fixed($0.epoch, 2) } ?? "-",
      figure,
      text(run.evaluations.last), text(run.best), run.mean("images_per_second").map(NumberText.significant) ?? "-",
    ]
  }
}
