import Tensors

/// Average precision and recall as a table of the console.
public struct EvaluationTable: Sendable {
  /// The COCO figures by name in their order; -1 where there is no ground truth.
  public var figures: [(name: String, value: Double)]
  /// Average precision of each class by name; -1 where there is no ground truth, which is not shown.
  public var classes: [(name: String, value: Double)]

  /// A table of figures.
  public init(figures: [(name: String, value: Double)], classes: [(name: String, value: Double)] = []) {
    (self.figures, self.classes) = (figures, classes)
  }

  /// The table, without a line break at its end; a figure without ground truth is a dash.
  ///
  /// Figures stand six to a line under their names; classes follow by falling precision, as many to a line as fit.
  public var text: String {
    var lines: [String] = []
    for start in stride(from: 0, to: figures.count, by: 6) {
      let part = figures[start..<min(start + 6, figures.count)]
      let widths = part.map { max(8, max($0.name.count, Self.text($0.value).count) + 2) }
      lines.append(zip(part, widths).map { NumberText.right($0.name, $1) }.joined())
      lines.append(zip(part, widths).map { NumberText.right(Self.text($0.value), $1) }.joined())
    }
    let present = classes.filter { $0.value >= 0 }.map { (name: shown($0.name), value: $0.value) }
    let width = present.map(\.name.count).max() ?? 0
    let sorted = present.enumerated().sorted { ($1.element.value, $0.offset) < ($0.element.value, $1.offset) }
    let columns = max(1, 96 / (width + 10))
    for start in stride(from: 0, to: sorted.count, by: columns) {
      let part = sorted[start..<min(start + columns, sorted.count)].map(\.element)
      lines.append(
        part.map { "  \(NumberText.left($0.name, width)) \(NumberText.right(Self.text($0.value), 7))" }.joined())
    }
    return lines.joined(separator: "\n")
  }

  private static func text(_ value: Double) -> String {
    value < 0 ? "-" : NumberText.fixed(value, 3)
  }
}
