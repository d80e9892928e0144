import Foundation
import Reporting
import Testing

/// Oracle: the words that each part must leave, and how often.
@Suite("Pages") struct ReportPageTests {
  private let page = ReportPage(
    title: "a <b> & \"c\"", subtitle: "it's", tiles: [.init("AP", "0.447", note: "step 5")],
    sections: [
      ReportPage.Section(
        "First",
        [
          .text("words <script>alert(1)</script>"), .lines("two\nlines"),
          .table(
            Table("t", columns: ["name", "AP"], rows: [[.text("x<y"), .bar(0.25)], [.text("none"), .figure(-1)]])),
          .charts([
            LineChart(
              title: "loss", x: "epoch", y: "loss", [.init("a", [.init(0, 1), .init(1, 0.5), .init(2, .nan)])]),
            LineChart(title: "nothing", x: "epoch", y: "loss", [.init("a", [])]),
          ]),
          .details("more", [.text("inside"), .details("deeper", [.text("innermost")])]),
        ]),
      ReportPage.Section(
        "Second", [.pictures([.init(type: "image/png", file: [1, 2, 3], caption: "p")], .small)]),
    ])

  @Test("a page is well formed, in the order of its sections, and each part is there once")
  func parts() throws {
    let html = page.html
    for (words, count) in [
      ("<section ", 2), ("<h2>First</h2>", 1), ("<h2>Second</h2>", 1), ("<p>inside</p>", 1), ("<p>innermost</p>", 1),
      ("<details>", 2), ("<table>", 1), ("<svg ", 1), ("<img ", 1), ("two\nlines", 1),
      ("data:image/png;base64,AQID", 1),
    ] { #expect(html.components(separatedBy: words).count - 1 == count, "\(words)") }
    #expect(try #require(html.range(of: "First</h2>")).lowerBound < #require(html.range(of: "Second</h2>")).lowerBound)
  }

  @Test("nothing of the data becomes markup, and nothing is fetched")
  func escaping() {
    let html = page.html
    #expect(html.contains("a &lt;b&gt; &amp; &quot;c&quot;") && html.contains("x&lt;y"))
    #expect(!html.contains("<script"))
    for words in ["http:", "https:", "src=\"//", "@import", "url("] { #expect(!html.contains(words), "\(words)") }
  }

  @Test("numbers keep all their digits beside those that are read")
  func numbers() {
    let table = Table(columns: ["a", "b"], rows: [[.figure(0.44671234567), .count(1_234_567)]])
    let html = ReportPage(title: "", subtitle: "", tiles: [], sections: [.init("s", [.table(table)])]).html
    #expect(html.contains("<data value=\"0.44671234567\">0.447</data>"))
    #expect(html.contains("<data value=\"1234567\">1,234,567</data>"))
  }
}

@Suite("Curves") struct LineChartTests {
  /// The coordinates of the first path of a class.
  private func path(_ html: String) throws -> [(x: Double, y: Double)] {
    let start = try #require(html.range(of: "class=\"curve c0\" d=\"M"))
    let text = html[start.upperBound...].prefix { $0 != "\"" }
    return text.split(separator: "L").map { point in
      let numbers = point.split(separator: " ").compactMap { Double($0) }
      return (numbers[0], numbers[1])
    }
  }

  private func html(_ points: [LineChart.Curve.Point]) -> String {
    let chart = LineChart(title: "t", x: "x", y: "y", [.init("c", points)])
    return ReportPage(title: "", subtitle: "", tiles: [], sections: [.init("s", [.charts([chart])])]).html
  }

  @Test("points lie where their numbers put them: linear in both directions, upwards is more")
  func positions() throws {
    let path = try path(html([.init(0, 0), .init(1, 5), .init(2, 10)]))
    #expect(path.count == 3)
    #expect(abs(path[1].x - (path[0].x + path[2].x) / 2) < 0.11 && abs(path[1].y - (path[0].y + path[2].y) / 2) < 0.11)
    #expect(path[0].y > path[2].y && path[0].x < path[2].x)
  }

  @Test("many points are drawn as the means of neighbours, all of them counted once")
  func thinning() throws {
    let count = 10 * LineChart.pointsPerCurve
    let path = try path(html((0..<count).map { .init(Double($0), $0 % 2 == 0 ? 0 : 2) }))
    #expect(path.count == LineChart.pointsPerCurve)
    // Each mean of ten is 1, half of what the axis reaches at least.
    #expect(Set(path.map(\.y)).count == 1)
  }
}
