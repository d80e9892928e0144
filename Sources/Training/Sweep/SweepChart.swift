import Foundation
import Reporting
import Tensors

/// A sweep as a picture: a panel a block size, the keep probability to the right, a figure upwards, a line a checkpoint.
///
/// The text is SVG 1.1 and needs nothing beside it. Names are escaped.
struct SweepChart {
  /// What stands above the panels.
  let title: String
  /// The name of the figure.
  let figure: String
  /// The checkpoints in the order of their colours.
  let names: [String]
  /// Rows with the figure alone.
  let points: [Point]

  /// A value that was measured.
  struct Point {
    let name: String
    let blockSize: Int
    let keepProbability: Double
    let value: Double
  }

  private static let (plotWidth, plotHeight, left, top, right, bottom) = (360.0, 240.0, 70.0, 40.0, 24.0, 56.0)
  private static let (titleHeight, legendRow, columns) = (36.0, 22.0, 3)
  /// Colours that are told apart also without red or green (Okabe and Ito, 2008).
  private static let colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"]
  private static let dashes = ["", "6 3", "2 3"]

  private var blockSizes: [Int] { Set(points.map(\.blockSize)).sorted() }

  /// The picture as text.
  var svg: String {
    let (xAxis, yAxis) = (
      Axis(points.map(\.keepProbability), includesZero: false), Axis(points.map(\.value), includesZero: true)
    )
    let columns = max(1, min(Self.columns, blockSizes.count))
    let rows = (blockSizes.count + columns - 1) / columns
    let cell = (width: Self.left + Self.plotWidth + Self.right, height: Self.top + Self.plotHeight + Self.bottom)
    // Letters are less wide than two thirds of their height, on the average.
    let longestText = max(Double(title.count) * 11, (names.map { Double($0.count) * 9 }.max() ?? 0) + 46)
    let width = max(Double(columns) * cell.width, Self.left + longestText)
    let legendTop = Self.titleHeight + Double(rows) * cell.height
    let height = legendTop + Double(names.count) * Self.legendRow + 12
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(number(width))\" height=\"\(number(height))\" "
        + "viewBox=\"0 0 \(number(width)) \(number(height))\" font-family=\"sans-serif\" font-size=\"13\">",
      "<title>\(escaped(title))</title>",
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
      text(title, x: Self.left, y: 24, "font-size=\"16\""),
    ]
    for (index, blockSize) in blockSizes.enumerated() {
      let (x, y) = (Double(index % columns) * cell.width, Self.titleHeight + Double(index / columns) * cell.height)
      lines.append("<g transform=\"translate(\(number(x + Self.left)) \(number(y + Self.top)))\">")
      lines += frame(blockSize, xAxis, yAxis)
      for (place, name) in names.enumerated() { lines += curve(name, place, blockSize, xAxis, yAxis) }
      lines.append("</g>")
    }
    for (place, name) in names.enumerated() {
      let y = legendTop + (Double(place) + 0.5) * Self.legendRow
      lines.append("<path d=\"M\(number(Self.left)) \(number(y))h36\" \(stroke(place))/>")
      lines.append(dot(Self.left + 18, y, place))
      lines.append(text(name, x: Self.left + 46, y: y + 4.5))
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  /// A panel without its curves; the origin is the upper left corner of the plot.
  private func frame(_ blockSize: Int, _ xAxis: Axis, _ yAxis: Axis) -> [String] {
    let (width, height) = (Self.plotWidth, Self.plotHeight)
    var lines = [text("block size \(blockSize)", x: width / 2, y: -12, "text-anchor=\"middle\" font-weight=\"bold\"")]
    for tick in xAxis.ticks {
      let x = number(xAxis.share(tick) * width)
      lines.append("<path d=\"M\(x) 0V\(number(height + 5))\" stroke=\"#dddddd\"/>")
      lines.append(text(xAxis.label(tick), x: xAxis.share(tick) * width, y: height + 20, "text-anchor=\"middle\""))
    }
    for tick in yAxis.ticks {
      let y = (1 - yAxis.share(tick)) * height
      lines.append("<path d=\"M-5 \(number(y))H\(number(width))\" stroke=\"#dddddd\"/>")
      lines.append(text(yAxis.label(tick), x: -10, y: y + 4.5, "text-anchor=\"end\""))
    }
    lines.append(
      "<rect width=\"\(number(width))\" height=\"\(number(height))\" fill=\"none\" stroke=\"#555555\"/>")
    lines.append(text("keep_prob at inference", x: width / 2, y: height + 42, "text-anchor=\"middle\""))
    lines.append(
      text(figure, x: -height / 2, y: -50, "text-anchor=\"middle\" transform=\"rotate(-90)\""))
    return lines
  }

  /// The line and the dots of a checkpoint in a panel; values that are not there, -1 or not finite, are left out.
  private func curve(_ name: String, _ place: Int, _ blockSize: Int, _ xAxis: Axis, _ yAxis: Axis) -> [String] {
    let own = points.filter { $0.name == name && $0.blockSize == blockSize && $0.value.isFinite && $0.value >= 0 }
      .sorted { $0.keepProbability < $1.keepProbability }
      .map { (x: xAxis.share($0.keepProbability) * Self.plotWidth, y: (1 - yAxis.share($0.value)) * Self.plotHeight) }
    if own.isEmpty { return [] }
    let path = own.map { "\(number($0.x)) \(number($0.y))" }.joined(separator: "L")
    return ["<path d=\"M\(path)\" \(stroke(place))/>"] + own.map { dot($0.x, $0.y, place) }
  }

  private func stroke(_ place: Int) -> String {
    let dash = Self.dashes[place / Self.colors.count % Self.dashes.count]
    return "fill=\"none\" stroke=\"\(Self.colors[place % Self.colors.count])\" stroke-width=\"2\""
      + (dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\"")
  }

  private func dot(_ x: Double, _ y: Double, _ place: Int) -> String {
    "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"3.5\" fill=\"\(Self.colors[place % Self.colors.count])\"/>"
  }

  private func text(_ text: String, x: Double, y: Double, _ attributes: String = "") -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\"\(attributes.isEmpty ? "" : " ")\(attributes)>\(escaped(text))</text>"
  }

  private func number(_ value: Double) -> String { NumberText.fixed(value, 1) }

  /// Text as XML holds it.
  private func escaped(_ text: String) -> String {
    [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&apos;")].reduce(shown(text)) {
      $0.replacingOccurrences(of: $1.0, with: $1.1)
    }
  }
}
