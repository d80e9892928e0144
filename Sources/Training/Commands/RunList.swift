import Foundation
import Tensors

/// `runs`: the runs of some folders, with what became of them.
public struct RunListRequest: Equatable, Sendable {
  /// The folders whose folders are runs.
  public var folders: [String]

  /// A request.
  public init(folders: [String]) { self.folders = folders }

  /// Shows a line a run; what is no run is passed over, and of a run that cannot be read there is a warning.
  ///
  /// - Throws: `InputError` with code 66 for a folder that is not there.
  public func run(_ console: Console) throws {
    let runs = try folders.flatMap { folder in try Self.runs(in: folder) { console.warn($0) } }
    if runs.isEmpty {
      console.say("no run in \(folders.joined(separator: ", "))")
      return
    }
    let head = ["run", "state", "step", "epoch", "figure", "last", "best", "images/s"]
    console.say(NumberText.table([head] + runs.map { Self.line($0.name, $0.files) }, leftColumns: 2))
  }

  private static func runs(
    in folder: String, warn: (String) -> Void
  ) throws -> [(name: String, files: RunFiles)] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw InputError(
        .missingFile, "\(folder): expected a folder of runs, found none; give the folder that holds them")
    }
    let paths = names.sorted().map { "\(folder)/\($0)" }
    return paths.filter { FilePath(RunDirectory(path: $0).configurationFile).exists }.compactMap { path in
      do {
        return (path, try RunFiles(path))
      } catch {
        warn("\(error)")
        return nil
      }
    }
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
