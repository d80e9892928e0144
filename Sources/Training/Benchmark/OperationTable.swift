import Tensors

/// Where the time of a rank's training step goes, from a timeline of some steps.
struct OperationTable {
  /// Work of one label, or of several of one kind and pass.
  struct Row {
    /// What it is.
    let label: WorkLabel
    /// Seconds in a step.
    var seconds: Double
    /// Floating-point operations in a step, 0 where the count says nothing.
    var floatingPointOperations: Double
    /// The fewest that any method needs.
    var leastOperations: Double

    /// Billions of floating-point operations a second, 0 where nothing is counted.
    var gigaflopsPerSecond: Double { seconds > 0 ? floatingPointOperations / seconds / 1e9 : 0 }
  }

  /// The operations of the step's thread, in the order in which they first ran.
  let operations: [Row]
  /// Seconds of a step.
  let stepSeconds: Double

  /// The table of `steps` steps that took `stepSeconds` each.
  init(_ spans: [Timeline.Span], steps: Int, stepSeconds: Double) {
    operations = Self.rows(spans.filter { $0.row == .compute }, steps: steps) { $0 }
    self.stepSeconds = stepSeconds
  }

  private static func rows(
    _ spans: [Timeline.Span], steps: Int, by key: (WorkLabel) -> WorkLabel
  ) -> [Row] {
    var places: [WorkLabel: Int] = [:]
    var rows: [Row] = []
    for span in spans {
      let label = key(span.label)
      let place = places[label] ?? rows.count
      if place == rows.count {
        places[label] = place
        rows.append(Row(label: label, seconds: 0, floatingPointOperations: 0, leastOperations: 0))
      }
      rows[place].seconds += span.seconds / Double(steps)
      rows[place].floatingPointOperations += span.label.floatingPointOperations / Double(steps)
      rows[place].leastOperations += span.label.leastOperations / Double(steps)
    }
    return rows
  }

  /// The operations summed by kind and pass, the longest first.
  var kinds: [Row] {
    var sums: [WorkLabel: Row] = [:]
    for row in operations {
      let label = WorkLabel("", pass: row.label.pass, kind: row.label.kind)
      var sum = sums[label] ?? Row(label: label, seconds: 0, floatingPointOperations: 0, leastOperations: 0)
      sum.seconds += row.seconds
      sum.floatingPointOperations += row.floatingPointOperations
      sum.leastOperations += row.leastOperations
      sums[label] = sum
    }
    return sums.values.sorted { ($0.seconds, $1.label.kind) > ($1.seconds, $0.label.kind) }
  }

  /// Seconds of a step that some kind of work takes.
  func seconds(ofKind kind: String) -> Double {
    operations.reduce(0) { $0 + ($1.label.kind == kind ? $1.seconds : 0) }
  }

  /// The fewest floating-point operations that a step needs, by the best method for each convolution.
  var leastOperations: Double { operations.reduce(0) { $0 + $1.leastOperations } }

  /// The operations that run a reference implementation, in words; none where there is none.
  var references: [String] {
    operations.filter(\.label.isReference).map {
      "\($0.label.name), \($0.label.kind): \(NumberText.fixed($0.seconds * 1e3, 2)) ms, \(share($0.seconds)) of a step"
    }
  }

  /// Operations that the text names one by one.
  private static let slowestCount = 15

  /// The kinds, then the slowest operations, then the share of the step that they all explain.
  var text: String {
    let all = Row(
      label: WorkLabel("", pass: "", kind: "all of these"), seconds: operations.reduce(0) { $0 + $1.seconds },
      floatingPointOperations: operations.reduce(0) { $0 + $1.floatingPointOperations },
      leastOperations: leastOperations)
    let slowest = operations.sorted { $0.seconds > $1.seconds }.prefix(Self.slowestCount)
    let width = max(18, slowest.map(\.label.name.count).max() ?? 0) + 2
    func line(_ front: String, _ row: Row) -> String {
      let rate = row.floatingPointOperations > 0 ? NumberText.fixed(row.gigaflopsPerSecond, 0) : ""
      return front + NumberText.left(row.label.pass, 12) + NumberText.right(NumberText.fixed(row.seconds * 1e3, 2), 9)
        + NumberText.right(share(row.seconds), 9) + NumberText.right(rate, 9)
    }
    let heading = NumberText.left("pass", 12) + "  ms/step    share  GFLOP/s"
    let kindWidth = max(12, kinds.map(\.label.kind.count).max() ?? 0) + 2
    var lines = [NumberText.left("kind", kindWidth) + heading]
    lines += (kinds + [all]).map { line(NumberText.left($0.label.kind, kindWidth), $0) }
    lines += ["", NumberText.left("slowest operations", width) + heading + "  kind"]
    lines += slowest.map { row in
      line(NumberText.left(row.label.name, width), row) + "  \(row.label.kind)"
        + (row.label.algorithm.isEmpty ? "" : ", \(row.label.algorithm)")
    }
    if !references.isEmpty {
      lines += ["", "slow reference implementations of oneDNN:"] + references
    }
    let duration = NumberText.significant(stepSeconds * 1e3)
    lines += ["", "the table explains \(share(all.seconds)) of a step of \(duration) ms"]
    return lines.joined(separator: "\n")
  }

  private func share(_ seconds: Double) -> String {
    NumberText.fixed(stepSeconds > 0 ? seconds / stepSeconds * 100 : 0, 1) + " %"
  }
}
