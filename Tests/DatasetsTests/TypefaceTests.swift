import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Oracle: the table of advances (hmtx) of DejaVu Sans 2.37, and what Unicode says is the same text.
@Suite struct TypefaceTests {
  /// DejaVu Sans, which `launch/setup` installs.
  static func dejaVu() throws -> Typeface {
    let file = try #require(
      FontFiles.ofThisMachine(environment: [:], program: nil).paths.first { $0.hasSuffix("/DejaVuSans.ttf") },
      "DejaVu Sans is not installed; launch/setup installs it")
    return Typeface(FontFiles([file]))
  }

  private func drawn(_ text: String, _ typeface: Typeface, size: Int = 20) -> RGBImage {
    var picture = RGBImage(width: 300, height: 60, .white)
    TextLine(text, typeface, size: size).draw(on: &picture, left: 10, top: 10, .black)
    return picture
  }

  @Test("characters advance as the font's table says, in letters of any size")
  func advances() throws {
    let typeface = try Self.dejaVu()
    for (text, units) in [("A", 1401), ("I", 604), ("W", 2025), ("0", 1303), ("a", 1255), ("é", 1260)] {
      for size in [12, 16, 64] {
        let width = TextLine(text, typeface, size: size).width
        // Hinting and rounding move it by less than a pixel.
        #expect(abs(Double(width) - Double(units * size) / 2048) <= 1, "\(text) at \(size): \(width)")
      }
    }
    #expect(
      TextLine("AIW0", typeface, size: 16).width
        == ["A", "I", "W", "0"].reduce(0) { $0 + TextLine($1, typeface, size: 16).width })
    let line = TextLine("x", typeface, size: 100)
    // The ascender of 1901 units and the descender of -483.
    #expect(abs(line.ascent - 93) <= 1 && abs(line.height - 117) <= 2)
  }

  @Test("letters have grey edges and stand on the line; their ink is where the outline is")
  func shape() throws {
    let picture = drawn("I", try Self.dejaVu(), size: 40)
    let dark = (0..<60).filter { y in (0..<300).contains { picture.pixel(($0, y))[0] < 60 } }
    // A capital is 1493 units high: 29 of 40 pixels, above a baseline 38 below the top of the line.
    let (first, last) = (try #require(dark.first), try #require(dark.last))
    #expect(abs(last - first - 28) <= 1 && abs(last - 47) <= 1, "rows \(first) to \(last)")
    let levels = Set(drawn("O", try Self.dejaVu(), size: 40).pixels)
    #expect(levels.count > 20, "grey levels of a curve: \(levels.count)")
  }

  @Test("names in UTF-8: accents joined or apart are the same, and no letter is taken for another")
  func accents() throws {
    let typeface = try Self.dejaVu()
    #expect(drawn("caf\u{e9}", typeface) == drawn("cafe\u{301}", typeface))
    #expect(drawn("café", typeface) != drawn("cafe", typeface))
    let texts = ["Ärger", "Arger", "ñandú", "nandu", "Жук", "Łódź", "λόγος", "a", "A", "½", "ﬁ"]
    #expect(Set(texts.map { drawn($0, typeface).pixels }).count == texts.count)
    // What nobody sees takes no room; what a terminal would obey is spelt out.
    #expect(drawn("a\u{200d}b\u{fe0f}", typeface) == drawn("ab", typeface))
    #expect(drawn("a\nb", typeface) == drawn("a\\u{a}b", typeface))
  }

  @Test("a character that no font has is the replacement character, and another font is asked before")
  func replacement() throws {
    let typeface = try Self.dejaVu()
    #expect(
      drawn("\u{4e2d}", typeface) == drawn("\u{fffd}", typeface) && drawn("\u{4e2d}", typeface) != drawn("", typeface))
    // The one with letters of equal widths has no Hebrew.
    let files = FontFiles.ofThisMachine(environment: [:], program: nil).paths
    let mono = try #require(files.first { $0.hasSuffix("/DejaVuSansMono.ttf") })
    let sans = try #require(files.first { $0.hasSuffix("/DejaVuSans.ttf") })
    let both = Typeface(FontFiles([mono, "/nowhere.ttf", sans]))
    #expect(drawn("i", both) == drawn("i", Typeface(FontFiles([mono]))) && drawn("i", both) != drawn("i", typeface))
    #expect(drawn("\u{5d0}", both) == drawn("\u{5d0}", typeface))
    #expect(drawn("\u{5d0}", Typeface(FontFiles([mono]))) != drawn("\u{5d0}", typeface))
  }

  @Test("words that are too long lose their middle, down to nothing")
  func shortening() throws {
    let typeface = try Self.dejaVu()
    let name = "a rather long name of a class"
    let whole = TextLine(name, typeface, size: 16).width
    for width in 0...whole {
      guard let line = TextLine(name, typeface, size: 16, atMost: width) else {
        #expect(width < TextLine("a…", typeface, size: 16).width, "nothing in \(width) pixels")
        continue
      }
      #expect(line.width <= width && line.width > width - 40, "\(line.width) of \(width)")
    }
    #expect(TextLine(name, typeface, size: 16, atMost: whole)?.width == whole)
    #expect(TextLine(String(repeating: "x", count: 1_000_000), typeface, size: 16, atMost: 90) != nil)
  }

  @Test("files are asked in the order of preference, the stated one first; a bad one is said and passed over")
  func files() throws {
    let ranked = FontFiles.ranked([
      "/f/Zapfino.ttf", "/f/a/NotoSansThai-Regular.ttf", "/f/NotoSansCJK-Regular.ttc", "/f/DejaVuSans.ttf",
      "/f/Arial.ttf",
    ])
    #expect(
      ranked == [
        "/f/DejaVuSans.ttf", "/f/NotoSansCJK-Regular.ttc", "/f/a/NotoSansThai-Regular.ttf", "/f/Arial.ttf",
        "/f/Zapfino.ttf",
      ])
    let folder = try TemporaryDirectory("fonts")
    let bad = try folder.write("no font", to: "bad.ttf")
    let files = FontFiles.ofThisMachine(environment: ["DROPBLOCK_FONT": bad], program: nil)
    #expect(files.paths.first == bad)
    let typeface = Typeface(files)
    #expect(!typeface.isMissing && typeface.remark(pictures: 1)?.hasPrefix("DROPBLOCK_FONT=\(bad): is no font") == true)
    #expect(Typeface(.ofThisMachine(environment: [:], program: nil)).remark(pictures: 1) == nil)

    // Beside the programs of an installed tree, and below the home directory.
    let font = try #require(files.paths.first { $0.hasSuffix("/DejaVuSans.ttf") })
    let home = folder.file("home")
    try FileManager.default.createDirectory(atPath: "\(home)/.fonts/deep", withIntermediateDirectories: true)
    for place in [folder.file("DejaVuSans.ttf"), "\(home)/.fonts/deep/Mine.otf"] {
      try FileManager.default.copyItem(atPath: font, toPath: place)
    }
    let installed = FontFiles.ofThisMachine(
      environment: ["HOME": home], program: folder.file("x86-64-v3/dropblock-dist"))
    #expect(installed.paths.first == folder.file("DejaVuSans.ttf"))
    #expect(installed.paths.contains("\(home)/.fonts/deep/Mine.otf") || installed.paths.count >= 24)
  }
}
