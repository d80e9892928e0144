import Foundation
import TestSupport
import Testing

/// Oracle: the characters that a terminal obeys; none of them may come from data.
@Suite(.serialized) struct HostileNamesTests {
  /// What a name may try: to clear the screen, to change the title, to turn the order, to begin a line of its own.
  private static let tricks = [
    "\u{1b}[2J\u{1b}[31m", "\u{1b}]0;owned\u{7}", "gpj.\u{202e}", "\u{9b}1A", "x\nerror: forged\r",
  ]

  /// Checks that text has no other character with an effect than line breaks, and no line that a name has begun.
  private func expectPlain(_ text: String, _ source: String) {
    let obeyed = text.unicodeScalars.filter {
      $0.value < 0x20 && $0 != "\n" || 0x7F..<0xA0 ~= $0.value || 0x202A...0x202E ~= $0.value
    }
    #expect(obeyed.isEmpty, "\(source): \(text.debugDescription)")
    #expect(
      !text.split(separator: "\n").contains { $0.hasPrefix("error: forged") }, "\(source): \(text.debugDescription)")
  }

  private func expectPlain(_ result: CommandResult, shows words: [String] = []) {
    expectPlain(result.output, "stdout")
    expectPlain(result.errorOutput, "stderr")
    for word in words { #expect((result.output + result.errorOutput).contains(word), "no \(word) in: \(result)") }
  }

  private func json(_ text: String) throws -> String {
    String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
  }

  @Test("categories in the table of score; a picture's name in predict; a file that is not there; values and options")
  func shown() throws {
    let space = try Workspace()
    let evil = Self.tricks.joined()
    let annotations = ScoreCommandTests.annotations.replacing("\"disc\"", with: try json(evil))
    let scored = try space.program(
      ranks: 1,
      [
        "score", "--annotations", space.folder.write(annotations, to: "gt.json"), "--results",
        space.folder.write(ScoreCommandTests.results, to: "dt.json"),
      ])
    #expect(scored.exitCode == 0, "\(scored)")
    expectPlain(scored, shows: [#"\u{1b}[2J\u{1b}[31m\u{1b}]0;owned\u{7}"#, #"\u{a}error: forged\u{d}"#])

    let picture = space.folder.file("\(evil.replacing("\n", with: "")).jpg")
    try FileManager.default.copyItem(atPath: space.picture("val", 1), toPath: picture)
    let predicted = try space.program(
      ranks: 1,
      ["predict", "--checkpoint", space.trained.run, "--output", space.folder.file("found"), picture])
    #expect(predicted.exitCode == 0, "\(predicted)")
    expectPlain(predicted, shows: [#"gpj.\u{202e}\u{9b}1A"#])

    for (code, arguments) in [
      (66, ["predict", "--checkpoint", space.trained.run, "--output", "found", "/no\(evil).jpg"]),
      (66, ["--config", "/no\(evil).yaml"]), (78, ["--set", "model.name=\(evil)"]), (78, ["--set", "\(evil)=1"]),
      (64, ["--\(evil)"]), (66, ["score", "--annotations", "/no\(evil)", "--results", "x"]),
    ] as [(Int32, [String])] {
      let result = try space.program(ranks: 1, arguments)
      #expect(result.exitCode == code && result.errorLines("error: ").count == 1, "\(result)")
      expectPlain(result, shows: [#"\u{1b}[2J"#])
    }
  }

  @Test("the log has what the console shows: faults of training data that name their files", arguments: [1, 2])
  func log(ranks: Int) throws {
    let space = try Workspace()
    let evil = Self.tricks.joined()
    try space.replace("\"000003.jpg\"", try json("\(evil).jpg"), in: space.annotations("train"))
    let result = try space.program(
      ranks: ranks, space.train("--set", "train.length=1 epoch", "--set", "train.checkpoint_every=9 epochs"))
    #expect(result.exitCode == 0, "\(result)")
    let log = try String(contentsOfFile: space.folder.file("run/log.txt"), encoding: .utf8)
    expectPlain(result, shows: [#"\u{1b}]0;owned\u{7}"#])
    expectPlain(log, "log.txt")
    #expect(log.contains(#"\u{1b}]0;owned\u{7}"#), "\(log)")
    expectPlain(try space.program(ranks: ranks, ["doctor"] + space.train()), shows: [#"\u{1b}]0;owned\u{7}"#])
  }
}
