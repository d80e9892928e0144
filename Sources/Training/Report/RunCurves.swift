import Reporting

/// The curves of one run, or of several in the same pictures.
struct RunCurves {
  private let runs: [(name: String, files: RunFiles)]
  private let marks: [LineChart.Mark]

  /// The curves of a run under the names of what they show.
  init(_ runs: [RunFiles]) { self.init(named: runs.map { ("", $0) }) }

  /// The curves of several runs under their names.
  init(named runs: [(name: String, files: RunFiles)]) {
    self.runs = runs
    marks = Self.marks(runs.map(\.files))
  }

  var blocks: [ReportPage.Block] {
    let rows = runs.map(\.files.training).max { $0.count < $1.count } ?? []
    var blocks: [ReportPage.Block] = [
      .charts([
        chart(runs.count > 1 ? "Loss" : "Loss and its parts", "loss", lossNames),
        evaluationChart("Evaluations", scoreNames),
        evaluationChart("Losses of the evaluations", evaluationLosses),
        chart("Learning rate", "rate", ["learning_rate"]),
        chart("Share that the regulariser keeps", "keep_prob", ["keep_prob"], includesZero: false),
        chart("Rate", "images/s", ["images_per_second"]),
        chart(
          runs.count > 1 ? "Time of a step" : "Time of a step and what of it is waiting", "seconds",
          runs.count > 1 ? ["step_seconds"] : ["step_seconds", "data_seconds", "allreduce_exposed_seconds"]),
      ])
    ]
    if !marks.isEmpty {
      blocks.append(
        .text(
          "Dashed lines: \(RunEvent.Kind.signs.map { "\($0.sign) \($0.words)" }.joined(separator: ", ")); what happened is told below."
        ))
    }
    if rows.count > LineChart.pointsPerCurve {
      blocks.append(
        .text(
          "Curves of more than \(LineChart.pointsPerCurve) rows are drawn as means of neighbouring rows; metrics.jsonl has all of them."
        ))
    }
    return blocks
  }

  /// Marks that a chart has at most.
  private static let mostMarks = 60

  /// What happened to a single run on its way, at its epochs; what lies close together is one mark.
  private static func marks(_ runs: [RunFiles]) -> [LineChart.Mark] {
    guard runs.count == 1, let run = runs.first, let row = run.training.last, row.step > 0 else { return [] }
    let events = run.history.filter { $0.step > 0 && $0.sign != nil }
    let places = Dictionary(grouping: events) { $0.step * mostMarks / row.step }
    return places.sorted { $0.key < $1.key }.map { _, events in
      let signs = events.compactMap(\.sign).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
      let (first, last) = (events[0].step, events[events.count - 1].step)
      let words = events.prefix(5).map { $0.text.isEmpty ? $0.name : "\($0.name): \($0.text)" }
      let more = events.count > 5 ? ["\(events.count - 5) more"] : []
      let text =
        "\(first == last ? "step \(first)" : "steps \(first) to \(last)"): " + (words + more).joined(separator: "; ")
      return .init(Double(first) * row.epoch / Double(row.step), sign: signs.joined(), text: text)
    }
  }

  private var lossNames: [String] {
    let names = Set(runs.flatMap { $0.files.training.flatMap(\.values.keys) })
    // Of several runs the losses alone: their parts would cover each other.
    let parts = runs.count > 1 ? [] : names.filter { $0.hasPrefix("loss_") }.sorted()
    return ["loss"] + parts
  }

  private var scoreNames: [String] {
    guard let run = runs.first?.files else { return [] }
    if runs.count > 1 { return [run.decisiveFigure] }
    return [run.decisiveFigure] + ["AP50", "AP75", "top5", "pixel_accuracy"].filter(run.evaluationFigures.contains)
  }

  private var evaluationLosses: [String] {
    let names = runs.first?.files.evaluationFigures.filter { $0.hasPrefix("val_loss") } ?? []
    return runs.count > 1 ? Array(names.prefix(1)) : names
  }

  private func chart(_ title: String, _ unit: String, _ names: [String], includesZero: Bool = true) -> LineChart {
    LineChart(
      title: title, x: "epoch", y: unit, includesZero: includesZero, marks: marks, curves(names) { $0.training })
  }

  private func evaluationChart(_ title: String, _ names: [String]) -> LineChart {
    LineChart(
      title: title, x: "epoch", y: names.first ?? "", marks: marks, curves(names, hasDots: true) { $0.evaluations })
  }

  private func curves(
    _ names: [String], hasDots: Bool = false, _ rows: (RunFiles) -> [RunFiles.Row]
  ) -> [LineChart.Curve] {
    runs.flatMap { run in
      names.map { name in
        LineChart.Curve(
          [run.name, runs.count > 1 && names.count == 1 ? "" : name].filter { !$0.isEmpty }.joined(separator: ", "),
          rows(run.files).compactMap { row in
            guard let value = row.values[name], value != -1 else { return nil }
            return .init(row.epoch, value)
          }, hasDots: hasDots)
      }
    }
  }
}

extension RunEvent {
  /// What the event is called in tables.
  var name: String { kind == .started && step > 0 ? "resumed" : kind.rawValue }

  /// The letter of its mark in a curve; nil for the end, which curves show by themselves.
  fileprivate var sign: String? { Kind.signs.first { $0.kind == kind }?.sign }
}

extension RunEvent.Kind {
  /// The letters of marks with what they stand for.
  fileprivate static let signs: [(kind: Self, sign: String, words: String)] = [
    (.started, "R", "resumed"), (.stopped, "S", "stopped"), (.failed, "F", "failed"), (.warning, "W", "warning"),
  ]
}
