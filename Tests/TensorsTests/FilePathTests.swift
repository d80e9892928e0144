import Tensors
import TestSupport
import Testing

/// Oracle: the escapes by hand; every path has a text of its own, which leads back to it.
struct FilePathTests {
  @Test("UTF-8 is its own text, other bytes are escaped, and so is a backslash that looks like an escape")
  func text() {
    func text(_ bytes: [UInt8]) -> String { FilePath(bytes: bytes).description }
    #expect(text(Array("/a/café 🐝.jpg".utf8)) == "/a/café 🐝.jpg")
    #expect(text(Array("/caf".utf8) + [0xe9] + Array(".jpg".utf8)) == "/caf\\xe9.jpg")
    // A cut character, a byte that never starts one, and an overlong slash.
    #expect(text([0x61, 0xf0, 0x9f, 0x90]) == "a\\xf0\\x9f\\x90" && text([0xff, 0xc0, 0xaf]) == "\\xff\\xc0\\xaf")
    #expect(text(Array(#"a\b\x41\xg1"#.utf8)) == #"a\b\x41\xg1"#)
    #expect(text(Array(#"b\xe9"#.utf8)) == #"b\x5cxe9"# && text(Array(#"\x5c"#.utf8)) == #"\x5cx5c"#)
  }

  @Test("a text leads back to the bytes, and no two paths share one")
  func roundTrip() {
    let alphabet: [UInt8] = Array(#"\x5ce9C/é"#.utf8) + [0xe9, 0xff, 0x80, 0x5c]
    var random = RandomSequence(Philox(seed: 5, stream: 0), 0, 0, 0)
    var texts: [String: [UInt8]] = [:]
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...6, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      let text = FilePath(bytes: bytes).description
      #expect(FilePath(text: text).bytes == bytes, "\(bytes)")
      #expect(texts.updateValue(bytes, forKey: text) ?? bytes == bytes, "\(text)")
    }
  }

  @Test("a name that is not UTF-8 is found under its bytes")
  func system() throws {
    let kept = try TemporaryDirectory("path")
    #expect(try run(["bash", "-c", "mkdir \"$0/d\"$'\\xe9'; touch \"$0/f\"", kept.path]).exitCode == 0)
    #expect(FilePath(kept.path).appending([0x64, 0xe9]).isDirectory)
    #expect(FilePath(text: "\(kept.path)/d\\xe9").exists && !FilePath("\(kept.path)/d\\xe9").exists)
    #expect(FilePath(kept.path).appending("f").exists && !FilePath(kept.path).appending("f").isDirectory)
  }

  @Test("two paths lead to the same file through links and dots, and to nothing that is not there")
  func same() throws {
    let kept = try TemporaryDirectory("path")
    #expect(try run(["bash", "-c", "cd \"$0\"; mkdir d; touch f g; ln -s ../f d/l", kept.path]).exitCode == 0)
    func isSame(_ one: String, _ other: String) -> Bool {
      FilePath(kept.file(one)).leadsToSame(as: FilePath(kept.file(other)))
    }
    #expect(isSame("f", "f") && isSame("f", "d/l") && isSame("f", "d/../f") && isSame("d", "d/"))
    #expect(!isSame("f", "g") && !isSame("f", "none") && !isSame("none", "none"))
  }
}
