import Testing

@testable import Datasets

@Suite struct DrawingTests {
  @Test("a box is drawn on its edge in its class's colour, and the picture inside stays as it was")
  func boxEdges() {
    let image = RGBImage(width: 400, height: 320, red: 90, green: 90, blue: 90)
    let drawn = image.drawing([LabeledBox(corners: SIMD4(100, 80, 200, 180), label: "cat", score: 0.9, classNumber: 3)])
    #expect(drawn.width == 400 && drawn.height == 320)
    // A dark rim of one pixel, two of colour, another dark one, then the picture.
    for point in [(100, 130), (199, 130), (150, 80), (150, 179)] { #expect(drawn.pixel(point) == [0, 0, 0]) }
    let colored = drawn.pixel((101, 130))
    #expect(colored.max() == 255 && colored != [255, 255, 255])
    #expect(drawn.pixel((198, 130)) == colored && drawn.pixel((150, 81)) == colored)
    #expect(drawn.pixel((104, 130)) == [90, 90, 90] && drawn.pixel((98, 130)) == [90, 90, 90])
    let other = image.drawing([LabeledBox(corners: SIMD4(100, 80, 200, 180), label: "", classNumber: 4)])
    #expect(other.pixel((101, 130)) != colored)
  }

  @Test("the caption reads as the letters of the font, dot by dot")
  func caption() {
    let image = RGBImage(width: 400, height: 320)
    let box = LabeledBox(corners: SIMD4(100, 80, 200, 180), label: "I7", score: 0.126, classNumber: 3)
    #expect(box.caption == "I7 0.13")
    let drawn = image.drawing([box])
    // One dot a pixel here; the label's first dot is one right of and one below its corner, ten above the box.
    let shade = drawn.pixel((100, 70))
    func rows(_ number: Int) -> [String] {
      (0..<7).map { row in
        (0..<5).map { drawn.pixel((101 + number * 6 + $0, 71 + row)) == shade ? "." : "#" }.joined()
      }
    }
    #expect(rows(0) == [".###.", "..#..", "..#..", "..#..", "..#..", "..#..", ".###."])
    #expect(rows(1) == ["#####", "....#", "...#.", "..#..", ".#...", ".#...", ".#..."])
    #expect(rows(2) == Array(repeating: ".....", count: 7))
  }

  @Test("every glyph has seven rows of five dots, no two look alike, and unknown characters are a frame")
  func font() {
    let characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:-_/()%+'&!?#="
    let glyphs = characters.map { BitmapFont.rows(of: $0) }
    #expect(glyphs.allSatisfy { $0.count == 7 && $0.allSatisfy { $0 < 32 } })
    #expect(Set(glyphs).count == characters.count)
    #expect(BitmapFont.rows(of: "a") == BitmapFont.rows(of: "A"))
    #expect(BitmapFont.rows(of: "\u{1F600}") == [31, 17, 17, 17, 17, 17, 31])
  }

  @Test("boxes beyond the picture, empty, inverted or not finite ones draw without harm, and small pictures grow")
  func extremes() {
    let image = RGBImage(width: 50, height: 40, red: 9)
    let boxes = [
      SIMD4<Float>(-100, -100, 500, 500), SIMD4(10, 10, 10, 10), SIMD4(30, 30, 5, 5), SIMD4(49, 39, 50, 40),
      SIMD4(.nan, 0, 10, 10), SIMD4(-.infinity, 0, .infinity, 10), SIMD4(0, 0, 1e30, 1e30),
    ].map { LabeledBox(corners: $0, label: "a rather long name for a label", score: 2, classNumber: -1) }
    let drawn = image.drawing(boxes)
    #expect(drawn.width == 400 && drawn.height == 320 && drawn.pixels.count == 400 * 320 * 3)
    #expect(image.drawing([]).pixel((399, 319)) == [9, 0, 0])
    // A thin picture grows up to 4096 on its longer side.
    for (width, height, factor) in [(1, 300, 13), (300, 1, 13), (5000, 1, 1), (2049, 2, 1), (1, 1, 320)] {
      let drawn = RGBImage(width: width, height: height).drawing(boxes)
      #expect(drawn.width == factor * width && drawn.height == factor * height)
    }
  }
}

extension RGBImage {
  fileprivate func pixel(_ point: (x: Int, y: Int)) -> [UInt8] {
    Array(pixels[(point.y * width + point.x) * 3..<(point.y * width + point.x) * 3 + 3])
  }
}
