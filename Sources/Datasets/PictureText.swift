extension BitmapFont {
  /// Pixels from a letter to the next, with dots of `dot` pixels.
  static func advance(dot: Int) -> Int { (glyphWidth + 1) * dot }

  /// Pixels that a text takes, with the gap behind its last letter.
  static func width(of text: String, dot: Int) -> Int { text.count * advance(dot: dot) }

  /// A text of at most `count` letters, at least one: of a longer one the start and the end, with dots between them.
  static func shortened(_ text: String, to count: Int) -> String {
    if text.count <= count { return text }
    let kept = count - 2
    if kept < 2 { return String(text.prefix(max(1, count))) }
    return "\(text.prefix(kept - kept / 3))..\(text.suffix(kept / 3))"
  }
}

/// A share of 0...1 with two digits behind the point, as written into pictures; what lies beyond is cut off.
func twoDigits(_ share: Float) -> String {
  let hundredths = Int((min(max(share, 0), 1) * 100).rounded())
  return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
}

extension RGBImage {
  /// Writes a text in dots of `dot` pixels, with the upper left corner of its first letter at this pixel, clipped to the
  /// picture; the colour is of 0...1.
  mutating func write(_ text: String, left: Int, top: Int, dot: Int, _ ink: SIMD3<Float>) {
    for (number, character) in text.enumerated() {
      for (row, bits) in BitmapFont.rows(of: character).enumerated() {
        for column in 0..<BitmapFont.glyphWidth where bits >> (BitmapFont.glyphWidth - 1 - column) & 1 == 1 {
          let x = left + number * BitmapFont.advance(dot: dot) + column * dot
          let y = top + row * dot
          fill(x, y, x + dot, y + dot, ink)
        }
      }
    }
  }

  /// A filled rectangle of a colour of 0...1, clipped to the picture.
  mutating func fill(_ left: Int, _ top: Int, _ right: Int, _ bottom: Int, _ color: SIMD3<Float>) {
    let (columns, rows) = (
      max(0, left)..<max(0, left, min(right, width)), max(0, top)..<max(0, top, min(bottom, height))
    )
    let bytes = (0..<3).map { UInt8(color[$0] * 255) }
    for y in rows {
      for x in columns {
        for channel in 0..<3 { pixels[(y * width + x) * 3 + channel] = bytes[channel] }
      }
    }
  }
}
