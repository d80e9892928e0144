import Reporting
import Tensors

/// The page of several runs: what they have in common, what differs, and what came of it.
struct ComparisonReport {
  private let runs: [(name: String, files: RunFiles)]

  /// The runs in the order in which they were given, under the last part of their paths, or the whole where two are alike.
  init(_ runs: [RunFiles]) {
    let short = runs.map { $0.directory.path.split(separator: "/").last.map(String.init) ?? $0.directory.path }
    let isUnique = Set(short).count == runs.count
    self.runs = zip(short, runs).map { (isUnique ? $0 : $1.directory.path, $1) }
  }

  var page: ReportPage {
    ReportPage(
      title: "\(runs.count) runs", subtitle: runs.map(\.name).joined(separator: ", "), tiles: [],
      sections: [
        ReportPage.Section("Results", results),
        ReportPage.Section("Curves", RunCurves(named: runs).blocks),
        ReportPage.Section("Differences of the configurations", differences),
      ])
  }

  private var figures: [String] {
    var names: [String] = []
    for name in runs.flatMap(\.files.evaluationFigures) where !names.contains(name) { names.append(name) }
    return names
  }

  private var results: [ReportPage.Block] {
    let table = Table(
      "The last evaluation of each run, and the best of its first figure",
      columns: ["run", "state", "step"] + figures + ["best", "images/s"],
      rows: runs.map { name, run in
        let last = run.evaluations.last
        return [.text(name), .text(run.state), .count(last?.step ?? run.training.last?.step ?? 0)]
          + figures.map { .figure(last?.values[$0]) }
          + [.figure(run.best?.values[run.decisiveFigure]), .figure(run.mean("images_per_second"), digits: 1)]
      })
    let spread = spreadTable
    return [.table(table)] + (spread.map { [.table($0)] } ?? [])
  }

  /// Runs that differ in nothing but `random.seed` as one row, where there are some.
  private var spreadTable: Table? {
    var groups: [(key: String, runs: [(name: String, files: RunFiles)])] = []
    for run in runs {
      var configuration = run.files.configuration
      (configuration.random.seed, configuration.name) = (0, "")
      let key = configuration.yaml
      if let place = groups.firstIndex(where: { $0.key == key }) {
        groups[place].runs.append(run)
      } else {
        groups.append((key, [run]))
      }
    }
    if groups.allSatisfy({ $0.runs.count == 1 }) { return nil }
    return Table(
      "Over the seeds: the mean of the last evaluations, and the smallest and the largest",
      columns: ["runs", "seeds", "figure", "mean", "smallest", "largest"],
      rows: groups.compactMap { group in
        let figure = group.runs[0].files.decisiveFigure
        let values = group.runs.compactMap { $0.files.evaluations.last?.values[figure] }
        guard let smallest = values.min(), let largest = values.max() else { return nil }
        return [
          .text(group.runs.map(\.name).joined(separator: ", ")), .count(values.count), .text(figure),
          .figure(values.reduce(0, +) / Double(values.count)), .figure(smallest), .figure(largest),
        ]
      })
  }

  /// The keys in which not all runs agree.
  private var differences: [ReportPage.Block] {
    let columns = runs.map { run in Configuration.keys.map { $0.write(run.files.configuration) ?? "–" } }
    let rows = Configuration.keys.indices.filter { key in Set(columns.map { $0[key] }).count > 1 }
    if rows.isEmpty { return [.text("All keys of all runs are the same.")] }
    return [
      .table(
        Table(
          columns: ["key"] + runs.map(\.name),
          rows: rows.map { key in [.text(Configuration.keys[key].path)] + columns.map { .text($0[key]) } }))
    ]
  }
}
