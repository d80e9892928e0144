import Tensors

/// Curves over a common axis, as a figure of a page with a title, axes that say what they show, and a legend.
///
/// Colours come from the page's style sheet, which has them for light and dark.
public struct LineChart: Sendable {
  /// Points of one thing, in the order of the axis.
  public struct Curve: Sendable {
    /// A measurement.
    public struct Point: Sendable {
      /// Where on the axis.
      public let x: Double
      /// How much.
      public let y: Double

      /// A point of its parts.
      public init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
    }

    /// What the legend calls it.
    public let name: String
    /// The points; those that are not finite are left out.
    public let points: [Point]
    /// Whether each point is marked: few points, each worth a look.
    public let hasDots: Bool

    /// A curve of its parts.
    public init(_ name: String, _ points: [Point], hasDots: Bool = false) {
      self.name = name
      self.points = points.filter { $0.x.isFinite && $0.y.isFinite }
      self.hasDots = hasDots
    }

    /// At most `count` points, each the mean of as many neighbours.
    func thinned(to count: Int) -> [Point] {
      let share = (points.count + count - 1) / max(1, count)
      if share <= 1 { return points }
      return stride(from: 0, to: points.count, by: share).map { start in
        let part = points[start..<min(start + share, points.count)]
        let sum = part.reduce((x: 0.0, y: 0.0)) { ($0.x + $1.x, $0.y + $1.y) }
        return Point(sum.x / Double(part.count), sum.y / Double(part.count))
      }
    }
  }

  /// Something that happened, drawn as a line from top to bottom.
  public struct Mark: Sendable {
    /// Where on the axis.
    public let x: Double
    /// What stands at its top: a letter or a few.
    public let sign: String
    /// What it is, in words.
    public let text: String

    /// A mark of its parts.
    public init(_ x: Double, sign: String, text: String) { (self.x, self.sign, self.text) = (x, sign, text) }
  }

  /// What stands above.
  public let title: String
  /// What the axis to the right shows, with its unit.
  public let xTitle: String
  /// What the axis upwards shows, with its unit.
  public let yTitle: String
  /// The curves, in the order of their colours.
  public let curves: [Curve]
  /// What happened on the way.
  public let marks: [Mark]
  private let includesZero: Bool

  /// A chart of its parts; with zero the axis upwards begins there.
  public init(
    title: String, x: String, y: String, includesZero: Bool = true, marks: [Mark] = [], _ curves: [Curve]
  ) {
    (self.title, xTitle, yTitle, self.marks) = (title, x, y, marks)
    self.curves = curves.filter { !$0.points.isEmpty }
    self.includesZero = includesZero
  }

  /// Whether there is nothing to draw.
  public var isEmpty: Bool { curves.isEmpty }

  /// Colours that the style sheet knows.
  static let colorCount = 7
  /// Points that a curve has at most; of more, neighbours are drawn as their mean.
  public static let pointsPerCurve = 400
  /// Half the width of a digit or letter.
  private static let halfLetter = 4.0
  private static let (width, height, left, right, top, bottom) = (640.0, 280.0, 62.0, 12.0, 12.0, 46.0)

  /// The picture without title and legend.
  var svg: String {
    let thinned = curves.map { $0.thinned(to: Self.pointsPerCurve) }
    let all = thinned.flatMap { $0 }
    let (xAxis, yAxis) = (
      Axis(all.map(\.x), includesZero: false),
      Axis(all.map(\.y), includesZero: includesZero && all.allSatisfy { $0.y >= 0 })
    )
    let (plotWidth, plotHeight) = (Self.width - Self.left - Self.right, Self.height - Self.top - Self.bottom)
    func x(_ value: Double) -> Double { Self.left + xAxis.share(value) * plotWidth }
    func y(_ value: Double) -> Double { Self.top + (1 - yAxis.share(value)) * plotHeight }
    let edge = (right: Self.left + plotWidth, bottom: Self.top + plotHeight)
    var lines = [
      "<svg viewBox=\"0 0 \(number(Self.width)) \(number(Self.height))\" role=\"img\" aria-label=\"\(escaped(title))\">"
    ]
    for tick in yAxis.ticks {
      lines.append("<path class=\"grid\" d=\"M\(number(Self.left)) \(number(y(tick)))H\(number(edge.right))\"/>")
      lines.append(text(yAxis.label(tick), x: Self.left - 6, y: y(tick) + 4, "end"))
    }
    for tick in xAxis.ticks {
      lines.append("<path class=\"grid\" d=\"M\(number(x(tick))) \(number(edge.bottom))v5\"/>")
      lines.append(
        text(xAxis.label(tick), x: inside(x(tick), xAxis.label(tick)), y: edge.bottom + 18, "middle"))
    }
    lines.append(
      "<path class=\"axis\" d=\"M\(number(Self.left)) \(number(Self.top))V\(number(edge.bottom))H\(number(edge.right))\"/>"
    )
    for mark in marks where xAxis.range.contains(mark.x) {
      lines.append(
        "<path class=\"mark\" d=\"M\(number(x(mark.x))) \(number(Self.top))V\(number(edge.bottom))\">"
          + "<title>\(escaped(mark.text))</title></path>")
      let beside = x(mark.x) + Self.halfLetter * Double(mark.sign.count) + 2
      lines.append(text(mark.sign, x: inside(beside, mark.sign), y: Self.top + 10, "middle"))
    }
    lines.append(text(xTitle, x: Self.left + plotWidth / 2, y: Self.height - 8, "middle"))
    lines.append(
      text(yTitle, x: -(Self.top + plotHeight / 2), y: 13, "middle", "transform=\"rotate(-90)\""))
    for (place, (curve, points)) in zip(curves, thinned).enumerated() {
      let path = points.map { "\(number(x($0.x))) \(number(y($0.y)))" }.joined(separator: "L")
      lines.append(
        "<path class=\"curve c\(place % Self.colorCount)\" d=\"M\(path)\"><title>\(escaped(curve.name))</title></path>")
      if curve.hasDots || points.count == 1 {
        lines += points.map {
          "<circle class=\"dot c\(place % Self.colorCount)\" cx=\"\(number(x($0.x)))\" cy=\"\(number(y($0.y)))\" r=\"3\"/>"
        }
      }
    }
    return (lines + ["</svg>"]).joined(separator: "\n")
  }

  /// Where the middle of a word stands so that the word ends inside of the picture.
  private func inside(_ x: Double, _ word: String) -> Double {
    min(x, Self.width - Self.halfLetter * Double(word.count))
  }

  private func text(_ text: String, x: Double, y: Double, _ anchor: String, _ more: String = "") -> String {
    "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\"\(more.isEmpty ? "" : " \(more)")>\(escaped(text))</text>"
  }

  private func number(_ value: Double) -> String { NumberText.fixed(value, 1) }
}

/// Text as HTML and XML hold it.
public func escaped(_ text: String) -> String {
  var result = ""
  for character in shown(text) {
    switch character {
    case "&": result += "&amp;"
    case "<": result += "&lt;"
    case ">": result += "&gt;"
    case "\"": result += "&quot;"
    case "'": result += "&#39;"
    default: result.append(character)
    }
  }
  return result
}
