import Datasets
import Foundation
import Reporting
import Tensors

/// The page of one run.
struct RunReport {
  let run: RunFiles
  /// What its regulariser drops, see `RegularizerSection`.
  let regularizer: [ReportPage.Block]

  /// The page.
  ///
  /// - Throws: `InputError` with code 65 for files of the run directory that no run has written.
  func page() throws -> ReportPage {
    let analysis = try run.lastAnalysis()
    let operations = try OperationTimes(file: run.directory.benchmarkFile)
    return ReportPage(
      title: run.configuration.name, subtitle: "\(run.state); \(run.directory.path)", tiles: tiles,
      sections: [
        ReportPage.Section("What was trained", trained),
        ReportPage.Section("Curves", RunCurves([run]).blocks),
        ReportPage.Section("Evaluation", evaluation(analysis)),
        ReportPage.Section(run.configuration.regularizerTitle + " at work", regularizer),
        ReportPage.Section("Where a step goes", stepTimes(operations)),
        ReportPage.Section("What happened", happened),
        ReportPage.Section("Environment and checkpoints", environment),
      ].filter { !$0.blocks.isEmpty })
  }

  private var tiles: [ReportPage.Tile] {
    let figure = run.decisiveFigure
    let last = run.evaluations.last { $0.values[figure] != nil }
    var tiles: [ReportPage.Tile] = []
    if let last, let value = last.values[figure] {
      tiles.append(.init(figure, Table.Cell.figure(value).text, note: "last evaluation, step \(last.step)"))
    }
    if let best = run.best, let value = best.values[figure] {
      tiles.append(.init("best \(figure)", Table.Cell.figure(value).text, note: "step \(best.step)"))
    }
    if let row = run.training.last {
      tiles.append(.init("steps", NumberText.grouped(row.step), note: "epoch \(NumberText.fixed(row.epoch, 2))"))
      if let loss = row.values["loss"] { tiles.append(.init("loss", NumberText.fixed(loss, 4), note: "last row")) }
    }
    if let rate = run.mean("images_per_second") {
      tiles.append(.init("images/s", NumberText.significant(rate), note: "mean over the rows"))
    }
    return tiles
  }

  /// What is trained on what, and the keys that differ from the defaults.
  private var trained: [ReportPage.Block] {
    var blocks: [ReportPage.Block] = []
    if let start = run.history.last(where: { $0.kind == .started }) {
      blocks.append(.table(Table(pairs: (start.facts ?? []).map { ($0.name, $0.value) })))
      blocks += (start.data ?? []).map { .lines($0) }
    }
    var sheet: [UInt8] = []
    if (try? readFile(run.directory.samplesFile, into: &sheet)) != nil {
      let caption = "The first training samples, as the network gets them"
      blocks.append(.pictures([.init(type: "image/jpeg", file: sheet, caption: caption)], .whole))
    }
    let changes = run.configuration.changesFromDefaults
    blocks.append(
      .table(
        Table(
          "Keys that differ from their defaults", columns: ["key", "value", "default"],
          rows: changes.map { [.text($0.key), .text($0.after), .text($0.before)] })))
    blocks.append(.details("The whole configuration", [.lines(run.configuration.yaml)]))
    return blocks
  }

  private func evaluation(_ analysis: EvaluationAnalysis?) -> [ReportPage.Block] {
    guard let last = run.evaluations.last else { return [.text("Nothing has been evaluated yet.")] }
    let names = run.evaluationFigures
    var blocks: [ReportPage.Block] = [
      .table(
        Table(
          "All evaluations", columns: ["step", "epoch"] + names,
          rows: run.evaluations.map { row in
            [.count(row.step), .figure(row.epoch, digits: 2)] + names.map { .figure(row.values[$0]) }
          }))
    ]
    guard let analysis else {
      return blocks + [.text("Classes, curves and pictures are missing: no evaluation of this run has written them.")]
    }
    blocks += AnalysisBlocks(analysis, of: run.directory.evaluation(step: last.step)).blocks
    return blocks
  }

  /// The parts of a step's time, means over all rows.
  private func stepTimes(_ operations: OperationTimes?) -> [ReportPage.Block] {
    guard let all = run.mean("step_seconds"), all > 0 else { return [] }
    let waits = [
      ("waiting for images", run.mean("data_seconds") ?? 0),
      ("inside MPI on the computing thread", run.mean("allreduce_exposed_seconds") ?? 0),
    ]
    let rest = all - waits.reduce(0) { $0 + $1.1 }
    let parts = [("computing", rest)] + waits
    return [
      .table(
        Table(
          "Mean of all rows of the metrics", columns: ["part", "seconds a step", "share"],
          rows: (parts + [("the whole step", all)]).map {
            [.text($0.0), .figure($0.1, digits: 4), .bar($0.1 / all)]
          }))
    ] + operationTimes(operations)
  }

  /// What a benchmark that was put into the run directory says of the operations.
  private func operationTimes(_ operations: OperationTimes?) -> [ReportPage.Block] {
    guard let operations else {
      let ranks = run.history.last { $0.kind == .started }?.facts?.first { $0.name == "ranks" }?.value
      let (configuration, file) = (run.directory.configurationFile, run.directory.benchmarkFile)
      return [
        .text(
          "Operations are listed here after: mpirun -np \(ranks?.prefix { $0 != " " } ?? "N") dropblock-dist bench "
            + "--config \"\(configuration)\" --json \"\(file)\"")
      ]
    }
    return [
      .table(
        Table(
          "Operations of a step, as bench has timed them: \(operations.subject)",
          columns: ["operation", "pass", "seconds a step", "share of these"],
          rows: operations.kinds.map {
            [.text($0.kind), .text($0.pass), .figure($0.seconds, digits: 4), .bar($0.seconds / operations.seconds)]
          }))
    ]
  }

  private var happened: [ReportPage.Block] {
    if run.history.isEmpty { return [.text("The version that trained this run wrote no history.")] }
    return [
      .table(
        Table(
          columns: ["time", "step", "what", ""],
          rows: run.history.map {
            [
              .text($0.time), .count($0.step), .text($0.name), .text($0.text),
            ]
          }))
    ]
  }

  private var environment: [ReportPage.Block] {
    var blocks: [ReportPage.Block] = []
    if let start = run.history.last(where: { $0.kind == .started }), let facts = start.environment {
      blocks.append(.table(Table("Where it ran last", pairs: facts.map { ($0.name, $0.value) })))
    }
    blocks.append(
      .table(
        Table(
          "Checkpoints", columns: ["step", "MiB", ""],
          rows: run.checkpoints.map { checkpoint in
            [
              .count(checkpoint.step), .figure(Double(checkpoint.bytes) / 1_048_576, digits: 1),
              .text(checkpoint.step == run.best?.step ? "best \(run.decisiveFigure)" : ""),
            ]
          })))
    return blocks
  }
}

extension RunFiles {
  /// The mean of a number over the rows that have it.
  func mean(_ name: String) -> Double? {
    let values = training.compactMap { $0.values[name] }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// The names of an evaluation's figures, in the order in which they were written.
  var evaluationFigures: [String] {
    (evaluations.last?.names ?? []).filter { $0 != "epoch" && $0 != EvaluationMetrics.secondsKey }
  }

  /// What the last evaluation found beside its figures.
  func lastAnalysis() throws -> EvaluationAnalysis? {
    try evaluations.last.flatMap { try EvaluationAnalysis(file: directory.evaluation(step: $0.step).analysisFile) }
  }
}
