import Datasets
import Foundation
import Reporting
import Tensors

/// What an evaluation found beside its figures: classes, curves, confusion and pictures.
struct AnalysisBlocks {
  private let analysis: EvaluationAnalysis
  private let directory: EvaluationDirectory

  init(_ analysis: EvaluationAnalysis, of directory: EvaluationDirectory) {
    (self.analysis, self.directory) = (analysis, directory)
  }

  /// Classes whose precision is drawn as a curve of its own.
  private static let drawnClasses = 7

  var blocks: [ReportPage.Block] {
    var blocks: [ReportPage.Block] = []
    let present = analysis.classes.filter { $0.value >= 0 }
    if !present.isEmpty {
      let table = Table(
        "Classes", columns: ["class", "figure"],
        rows: present.sorted { $1.value < $0.value }.map { [.text($0.name), .bar($0.value)] })
      blocks.append(present.count > 20 ? .details("All \(present.count) classes", [.table(table)]) : .table(table))
    }
    blocks.append(.charts([precisionChart]))
    if !analysis.confusion.isEmpty {
      blocks.append(
        .table(
          .confusion(
            "What was taken for what: rows are the labels, columns what was found (\(analysis.confusionUnit))",
            names: analysis.confusionNames, counts: analysis.confusion)))
    }
    let pictures = analysis.examples.compactMap(picture)
    if !pictures.isEmpty { blocks.append(.pictures(pictures, .large)) }
    let missing = analysis.examples.count - pictures.count
    if missing > 0 { blocks.append(.text("\(missing) pictures of \(directory.examples) are not there any more.")) }
    return blocks
  }

  /// The mean over the classes, and the classes themselves where they are few.
  private var precisionChart: LineChart {
    let curves = analysis.precisionCurves
    func points(_ precision: [Double]) -> [LineChart.Curve.Point] {
      precision.enumerated().map { .init(Double($0) / Double(max(1, precision.count - 1)), $1) }
    }
    var lines: [LineChart.Curve] = []
    if curves.count != 1, let count = curves.first?.precision.count {
      let mean = (0..<count).map { place in
        curves.reduce(0) { $0 + $1.precision[place] } / Double(curves.count)
      }
      lines.append(.init("mean of \(curves.count) classes", points(mean)))
    }
    if curves.count < Self.drawnClasses { lines += curves.map { .init($0.name, points($0.precision)) } }
    return LineChart(title: "Precision over recall at an overlap of 0.5", x: "recall", y: "precision", lines)
  }

  private func picture(_ example: EvaluationAnalysis.Example) -> ReportPage.Picture? {
    // Names come from a file.
    var file: [UInt8] = []
    guard !example.file.contains("/"), (try? readFile("\(directory.examples)/\(example.file)", into: &file)) != nil
    else { return nil }
    return .init(type: "image/jpeg", file: file, caption: example.caption)
  }
}
