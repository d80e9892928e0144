import Testing

@testable import Datasets

/// Oracle: where pictures and letters must lie, by hand.
@Suite struct PictureSheetTests {
  private func cell(_ width: Int, _ height: Int, red: UInt8, label: String = "", score: Float? = nil)
    -> PictureSheet.Cell
  {
    PictureSheet.Cell(RGBImage(width: width, height: height, red: red), label: label, score: score)
  }

  private func pixel(_ image: RGBImage, _ x: Int, _ y: Int) -> [UInt8] {
    Array(image.pixels[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3])
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
  func layout() {
    let sheet = PictureSheet(
      columns: ["a", "b"],
      rows: [
        .init("one", [cell(224, 224, red: 10), cell(224, 224, red: 20)]),
        // Half as wide: it is enlarged to the height of its cell and lies in its middle.
        .init("three", [cell(224, 224, red: 30, label: "x", score: 0.5), cell(56, 112, red: 40)]),
      ])
    let drawn = sheet.drawn()
    // Dots of 2: gaps of 8, lines of 20, letters of 12; five letters of names and a gap behind them.
    #expect(sheet.size == (8 + 68 + 2 * (224 + 8), 8 + 20 + 2 * (224 + 20 + 8)))
    #expect((drawn.width, drawn.height) == sheet.size)
    for (column, left) in [76, 308].enumerated() {
      for (row, top) in [28, 280].enumerated() {
        let red = UInt8(10 * (2 * row + column + 1))
        let isNarrow = (row, column) == (1, 1)
        let (first, last) = isNarrow ? (left + 56, left + 167) : (left, left + 223)
        for (x, y) in [(first, top), (last, top), (first, top + 223), (last, top + 223)] {
          #expect(pixel(drawn, x, y) == [red, 0, 0], "row \(row), column \(column)")
        }
        for (x, y) in [(first - 1, top), (last + 1, top), (first, top - 1), (first, top + 224)] {
          #expect(pixel(drawn, x, y) == [255, 255, 255], "row \(row), column \(column)")
        }
      }
    }
  }

  @Test("words stand in the middle of their cell, dot by dot")
  func words() {
    let drawn = PictureSheet(
      columns: ["T"], rows: [.init("", [cell(224, 224, red: 10, label: "7", score: 0.126)])]
    ).drawn()
    func rows(left: Int, top: Int) -> [String] {
      (0..<7).map { row in
        (0..<5).map { pixel(drawn, left + 2 * $0 + 1, top + 2 * row + 1)[0] < 128 ? "#" : "." }.joined()
      }
    }
    let t = ["#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."]
    // A letter is 10 pixels wide; six with five gaps of 2 are 70.
    #expect(rows(left: 8 + 107, top: 8) == t)
    #expect(rows(left: 8 + 77, top: 28 + 224 + 4) == ["#####", "....#", "...#.", "..#..", ".#...", ".#...", ".#..."])
    #expect(rows(left: 8 + 77 + 5 * 12, top: 28 + 224 + 4)[6] == ".###.", "the 3 of 0.13")
  }

  @Test("words that are too long lose their middle, a caption never its score")
  func shortening() {
    #expect(BitmapFont.shortened("abcdefghij", to: 10) == "abcdefghij")
    #expect(BitmapFont.shortened("abcdefghijk", to: 10) == "abcdef..jk")
    for count in -1...3 { #expect(BitmapFont.shortened("abcdefghijk", to: count) == "abc".prefix(max(1, count))) }
    #expect(
      cell(1, 1, red: 0, label: "a long name of a class", score: 0.999).caption(letters: 18) == "a long n..ass 1.00")
    #expect(cell(1, 1, red: 0, label: "a long name of a class").caption(letters: 10) == "a long..ss")
  }
}
