import Reporting
import Foundation
import FoundationXML
import Testing

@testable import Training

/// Oracle: an XML parser, and places worked out by hand.
@Suite struct SweepChartTests {
  /// The elements of a picture: their names, attributes and texts.
  private final class Elements: NSObject, XMLParserDelegate {
    var all: [(name: String, attributes: [String: String], text: String)] = []
    private var open: [Int] = []

    init(_ text: String) throws {
      super.init()
      let parser = XMLParser(data: Data(text.utf8))
      parser.delegate = self
      try #require(parser.parse(), "\(String(describing: parser.parserError)) in \(text)")
    }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      open.append(all.count)
      all.append((name, attributes, ""))
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) { all[open[open.count - 1]].text += text }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      open.removeLast()
    }

    func texts() -> [String] { all.filter { $0.name == "text" }.map(\.text) }
    func count(_ name: String) -> Int { all.count { $0.name == name } }
  }

  private static let names = ["plain", "a<b> & \"c\" 'd'\u{1b}"]

  private func chart(_ values: [(Int, Int, Double, Double)]) -> SweepChart {
    SweepChart(
      title: "a title & more", figure: "top1", names: Self.names,
      points: values.map {
        SweepChart.Point(name: Self.names[$0.0], blockSize: $0.1, keepProbability: $0.2, value: $0.3)
      })
  }

  @Test("the picture is XML with a panel a block size, a line a checkpoint, a dot a value, names and axes in words")
  func picture() throws {
    let values: [(Int, Int, Double, Double)] = [
      (0, 1, 1, 0.8), (0, 7, 1, 0.8), (0, 1, 0.5, 0.4), (0, 7, 0.5, 0.1), (1, 1, 1, 0.7), (1, 7, 1, 0.7),
      (1, 7, 0.5, 0.6),
      // What was not measured leaves no dot.
      (1, 1, 0.75, .nan), (1, 1, 0.5, -1),
    ]
    let elements = try Elements(chart(values).svg)
    // A dot a value and one a name in the legend.
    #expect(elements.count("circle") == 7 + 2 && elements.count("g") == 2)
    let texts = elements.texts()
    for text in ["a title & more", "block size 1", "block size 7", "plain", "a<b> & \"c\" 'd'\\u{1b}"] {
      #expect(texts.count { $0 == text } == 1, "\(text): \(texts)")
    }
    #expect(texts.count { $0 == "keep_prob at inference" } == 2 && texts.count { $0 == "top1" } == 2)
    #expect(Set(texts).isSuperset(of: ["0.5", "0.6", "0.7", "0.9", "1.0", "0.0", "0.2", "0.4", "0.8"]))
    // From keep_prob 0.5, 0.4 of 0.8 high, to 1 at the upper right corner.
    let line = elements.all.first { $0.name == "path" && $0.attributes["stroke"] == "#0072b2" }
    #expect(line?.attributes["d"] == "M0.0 120.0L360.0 0.0")
  }

  @Test("one value, equal values and none at all make a picture too")
  func few() throws {
    for (values, dots) in [([], 0), ([(0, 3, 0.9, 0.5)], 1), ([(0, 3, 1, 0), (1, 3, 1, 0)], 2)]
      as [([(Int, Int, Double, Double)], Int)]
    {
      let elements = try Elements(chart(values).svg)
      #expect(elements.count("circle") == dots + 2)
      #expect(
        elements.all.allSatisfy { $0.attributes.values.allSatisfy { !$0.contains("nan") && !$0.contains("inf") } })
    }
  }

  @Test("axes have round numbers, a few of them, and those of a share begin at 0")
  func axes() {
    for (values, ticks) in [
      ([0.5, 1], ["0.5", "0.6", "0.7", "0.8", "0.9", "1.0"]),
      ([0.75, 0.95], ["0.75", "0.80", "0.85", "0.90", "0.95"]),
      ([0.9], ["0.86", "0.88", "0.90", "0.92", "0.94"]),
    ] {
      let axis = Axis(values, includesZero: false)
      #expect(axis.ticks.map(axis.label) == ticks)
    }
    let share = Axis([0.312, 0.64, .nan], includesZero: true)
    #expect(share.ticks.map(share.label) == ["0.0", "0.2", "0.4", "0.6", "0.8"] && share.range == 0...0.8)
    #expect(Axis([20, 75], includesZero: true).range.upperBound == 80)
  }
}
