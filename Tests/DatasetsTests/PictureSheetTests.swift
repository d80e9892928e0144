import Testing

@testable import Datasets

/// Oracle: where pictures and words must lie, by hand.
@Suite struct PictureSheetTests {
  private func cell(_ width: Int, _ height: Int, red: UInt8, label: String = "", score: Float? = nil)
    -> PictureSheet.Cell
  {
    PictureSheet.Cell(RGBImage(width: width, height: height, red: red), label: label, score: score)
  }

  @Test("cells hold every picture, are large enough for words, and stay below 512 pixels")
  func cells() {
    for (pictures, width, height) in [
      ([(224, 224)], 224, 224), ([(32, 32)], 224, 224), ([(64, 64), (100, 60)], 400, 256), ([(300, 250)], 300, 250),
      ([(1024, 512)], 512, 256), ([(4096, 16)], 512, 112), ([(16, 4096)], 112, 512),
    ] {
      #expect(PictureSheet.cellSize(pictures.map { (width: $0.0, height: $0.1) }) == (width, height), "\(pictures)")
    }
  }

  @Test("pictures lie in rows and columns below the names of the columns and behind those of the rows")
  func layout() throws {
    let sheet = PictureSheet(
      columns: ["a", "b"],
      rows: [
        .init("one", [cell(224, 224, red: 10), cell(224, 224, red: 20)]),
        // Half as wide: it is enlarged to the height of its cell and lies in its middle.
        .init("three", [cell(224, 224, red: 30, label: "x", score: 0.5), cell(56, 112, red: 40)]),
      ], typeface: try TypefaceTests.dejaVu())
    let drawn = sheet.drawn()
    // Letters of 13 pixels: gaps of 6, lines of 13 + 4 rows and 3 below.
    let (gap, line) = (6, TextLine("", try TypefaceTests.dejaVu(), size: 13).height + 3)
    let names = TextLine("three", try TypefaceTests.dejaVu(), size: 13).width + gap
    #expect((15...17).contains(line - 3))
    #expect(sheet.cellSize == (224, 224))
    #expect(sheet.size == (gap + names + 2 * (224 + gap), gap + line + 2 * (224 + line + gap)))
    #expect((drawn.width, drawn.height) == sheet.size)
    for column in 0..<2 {
      for row in 0..<2 {
        let (left, top) = sheet.corner(row: row, column: column)
        #expect((left, top) == (gap + names + column * (224 + gap), gap + line + row * (224 + line + gap)))
        let red = UInt8(10 * (2 * row + column + 1))
        let isNarrow = (row, column) == (1, 1)
        let (first, last) = isNarrow ? (left + 56, left + 167) : (left, left + 223)
        for point in [(first, top), (last, top), (first, top + 223), (last, top + 223)] {
          #expect(drawn.pixel(point) == [red, 0, 0], "row \(row), column \(column)")
        }
        for point in [(first - 1, top), (last + 1, top), (first, top - 1), (first, top + 224)] {
          #expect(drawn.pixel(point) == [255, 255, 255], "row \(row), column \(column)")
        }
      }
    }
  }

  @Test("without names of columns there is no line for them, and the last row may be shorter")
  func grid() throws {
    let typeface = try TypefaceTests.dejaVu()
    let sheet = PictureSheet(
      columns: ["", ""],
      rows: [.init("", [cell(224, 224, red: 1), cell(224, 224, red: 2)]), .init("", [cell(9, 9, red: 3)])],
      typeface: typeface)
    #expect(sheet.corner(row: 0, column: 0) == (6, 6))
    let drawn = sheet.drawn()
    let (left, top) = sheet.corner(row: 1, column: 0)
    #expect(
      drawn.pixel((left + 112, top + 112)) == [3, 0, 0] && drawn.pixel((left + 342, top + 112)) == [255, 255, 255])
  }

  /// Columns of the sheet with dark pixels among these rows.
  private func inkedColumns(_ image: RGBImage, rows: Range<Int>) -> [Int] {
    (0..<image.width).filter { x in rows.contains { image.pixel((x, $0))[0] < 128 } }
  }

  @Test("words stand in the middle of their cell, and a name that is too long never pushes out its score")
  func words() throws {
    let typeface = try TypefaceTests.dejaVu()
    func inked(_ label: String, score: Float?) throws -> [Int] {
      let sheet = PictureSheet(
        columns: ["T"], rows: [.init("", [cell(224, 224, red: 255, label: label, score: score)])], typeface: typeface)
      let drawn = sheet.drawn()
      let head = inkedColumns(drawn, rows: 6..<sheet.corner(row: 0, column: 0).top)
      let middle = Double(try #require(head.first) + (try #require(head.last))) / 2
      #expect(abs(middle - (6 + 111.5)) <= 1, "\(head)")
      return inkedColumns(drawn, rows: sheet.corner(row: 0, column: 0).top + 224..<drawn.height)
    }
    let short = try inked("O", score: 0.126)
    #expect(abs(Double(short[0] + short[short.count - 1]) / 2 - (6 + 111.5)) <= 2, "\(short)")
    let long = try inked(String(repeating: "a long name of a class ", count: 9), score: 0.126)
    #expect(long[0] >= 6 && long[long.count - 1] < 6 + 224)
    // The score alone, at the place where it ends the long line: ink in the same columns.
    let alone = try inked("", score: 0.126)
    let ends = [long, alone].map { columns in columns.suffix(alone.count).map { columns[columns.count - 1] - $0 } }
    #expect(alone.count > 10 && ends[0] == ends[1], "\(ends)")
    let whole = try inked(String(repeating: "a long name of a class ", count: 9), score: nil)
    #expect(whole != long)
  }
}
