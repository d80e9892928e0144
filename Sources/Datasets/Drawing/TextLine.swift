import Foundation
import Tensors

/// Words in one line, set with a typeface.
struct TextLine: Sendable {
  /// Glyphs with the place of the pen before each.
  private let glyphs: [(pen: Int, glyph: Glyph)]
  /// Pixels from the first character's start to the last one's end.
  let width: Int
  /// Rows above the baseline.
  let ascent: Int
  /// Rows above and below the baseline.
  let height: Int

  /// Sets words in letters whose em square is `size` pixels high.
  ///
  /// Letters and their accents are joined first (Unicode's form C); what a terminal would obey is escaped, see `shown`. Letters
  /// stand in their order in the text, from left to right: scripts that join letters or run to the left need more.
  init(_ text: String, _ typeface: Typeface, size: Int) {
    let scalars = shown(text).precomposedStringWithCanonicalMapping.unicodeScalars.filter {
      !$0.properties.isDefaultIgnorableCodePoint
    }
    let (glyphs, ascent, descent) = typeface.glyphs(Array(scalars), size: size)
    var (pen, placed): (Int, [(pen: Int, glyph: Glyph)]) = (0, [])
    for glyph in glyphs {
      placed.append((pen, glyph))
      pen += glyph.advance
    }
    (self.glyphs, width, self.ascent, height) = (placed, pen, ascent, ascent + descent)
  }

  /// The same of words that take at most `width` pixels: of longer ones the start and the end, with an ellipsis between; nil
  /// where not even that fits.
  init?(_ text: String, _ typeface: Typeface, size: Int, atMost width: Int) {
    // No name that can be read is longer; it bounds the work.
    let whole = Array(text.count > 400 ? text.prefix(300) + text.suffix(100) : text[...])
    let line = TextLine(String(whole), typeface, size: size)
    if line.width <= width {
      self = line
      return
    }
    func shortened(to count: Int) -> TextLine {
      TextLine(
        String(whole.prefix(count - count / 3)) + "\u{2026}" + String(whole.suffix(count / 3)), typeface, size: size)
    }
    var (fitting, low, high): (TextLine?, Int, Int) = (nil, 0, whole.count - 1)
    while low <= high {
      let middle = (low + high) / 2
      let line = shortened(to: middle)
      if line.width <= width { (fitting, low) = (line, middle + 1) } else { high = middle - 1 }
    }
    guard let fitting else { return nil }
    self = fitting
  }

  /// Draws the words with the left end of their upper edge at a pixel, clipped to the picture.
  func draw(on picture: inout RGBImage, left: Int, top: Int, _ ink: PictureColor) {
    for (pen, glyph) in glyphs {
      let (x, y) = (left + pen + glyph.left, top + ascent - glyph.rise)
      let columns = max(0, -x)..<max(max(0, -x), min(glyph.width, picture.width - x))
      for row in max(0, -y)..<max(max(0, -y), min(glyph.height, picture.height - y)) {
        for column in columns {
          let share = glyph.coverage[row * glyph.width + column]
          if share > 0 { picture.blend(ink, share: share, x: x + column, y: y + row) }
        }
      }
    }
  }
}

/// A share of 0...1 with two digits behind the point, as written into pictures; what lies beyond is cut off.
func twoDigits(_ share: Float) -> String {
  let hundredths = Int((min(max(share, 0), 1) * 100).rounded())
  return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
}
