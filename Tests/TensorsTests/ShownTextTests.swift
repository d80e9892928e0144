import Tensors
import Testing

/// Oracle: what a terminal would obey, by ECMA-48 and the bidirectional algorithm of Unicode.
@Suite struct ShownTextTests {
  @Test("what a terminal shows stays as it is, in any script")
  func plain() {
    for text in ["", "red cell", "größe", "красный 赤い 🚲👩‍🔬", "a\u{301}", "\\u{1b}", "~ ¡"] {
      #expect(shown(text) == text && shownLines(text) == text)
    }
  }

  @Test("control characters, marks that turn the order and separators of lines are escaped, in names line breaks too")
  func escaped() {
    #expect(shown("a\u{1b}[2Jb") == #"a\u{1b}[2Jb"#)
    #expect(shown("\u{1b}]0;title\u{7}") == #"\u{1b}]0;title\u{7}"#)
    #expect(shown("a\r\nerror: b\tc\u{0}") == #"a\u{d}\u{a}error: b\u{9}c\u{0}"#)
    #expect(shown("\u{7f}\u{9b}31m\u{85}") == #"\u{7f}\u{9b}31m\u{85}"#)
    #expect(shown("gpj\u{202e}\u{2066}\u{200f}\u{61c}") == #"gpj\u{202e}\u{2066}\u{200f}\u{61c}"#)
    #expect(shown("\u{2028}\u{2029}") == #"\u{2028}\u{2029}"#)
    #expect(shownLines("a\nb\u{1b}[A\n") == "a\nb\\u{1b}[A\n")
    // A break of two characters is one Character of Swift.
    #expect(shownLines("a\r\nb") == "a\\u{d}\nb")
  }

  @Test("what is shown twice is shown as once, and every scalar below U+3000 is kept or escaped as itself")
  func everyScalar() {
    for value in 0..<UInt32(0x3000) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let text = shown("\(scalar)")
      #expect(text == "\(scalar)" || text == "\\u{\(String(value, radix: 16))}")
      #expect(shown(text) == text)
      let isControl = scalar.properties.generalCategory == .control
      if isControl { #expect(text != "\(scalar)") }
    }
  }

  @Test("an error is one line whatever names it has, unless it was made of several")
  func errors() {
    #expect(InputError(.badData, "a\nerror: b").description == #"a\u{a}error: b"#)
    #expect(InputError(.badData, lines: ["a\u{1b}", "  b\nc"]).description == "a\\u{1b}\n  b\\u{a}c")
  }
}
