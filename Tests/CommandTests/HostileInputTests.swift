import Checkpoints
import Foundation
import TestSupport
import Testing

/// Oracle: the documented exit codes; that the program ends at all is what the time limit of every command checks.
@Suite(.serialized) struct HostileInputTests {
  private func check(_ attack: BadInputCase) throws {
    for ranks in attack.ranks {
      let space = try Workspace()
      try space.program(ranks: ranks, attack.prepare(space)).expectError(attack.code, attack.words)
    }
  }

  @Test("a FIFO in the place of a file is an error that names it, and is not waited for", arguments: BadInputCase.pipes)
  func pipes(attack: BadInputCase) throws { try check(attack) }

  @Test("numbers that no run has, under a hash that is right, are code 65", arguments: BadInputCase.forgedStates)
  func forgedStates(attack: BadInputCase) throws { try check(attack) }

  @Test("in training a FIFO as a picture is a fault of the data as any other", arguments: [1, 2])
  func pictureDropped(ranks: Int) throws {
    let space = try Workspace()
    try space.pipe(at: space.picture("train", 3))
    let result = try space.program(ranks: ranks, space.train("--set", "train.length=1 epoch"))
    #expect(result.exitCode == 0, "\(result)")
    #expect(
      result.errorLines("warning: ").count { $0.contains("000003.jpg: is a FIFO") && $0.contains("; dropped") } == 1,
      "\(result)")
  }

  @Test("the files of a run are no links: what they lead to stays as it was", arguments: ["log.txt", "metrics.jsonl"])
  func plantedLinks(name: String) throws {
    let space = try Workspace()
    let victim = try space.folder.write("mine", to: "victim")
    let run = space.folder.file("run")
    try FileManager.default.createDirectory(atPath: run, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: "\(run)/\(name)", withDestinationPath: victim)
    let result = try space.program(ranks: 1, space.train())
    if name == "log.txt" {
      result.expectError(73, ["\(run)/log.txt: cannot write: it is a symbolic link, expected a regular file or none"])
    } else {
      // Rows that belong to no run are taken out, into a new file that takes the link's place.
      #expect(result.exitCode == 0, "\(result)")
    }
    #expect(try String(contentsOfFile: victim, encoding: .utf8) == "mine")
  }
}

extension Workspace {
  /// Puts a FIFO that nobody writes to in the place of a file.
  func pipe(at path: String) throws {
    try? FileManager.default.removeItem(atPath: path)
    try #require(mkfifo(path, 0o600) == 0, "mkfifo \(path)")
  }

  /// Forges a text in the state of the trained run's last set, with a hash that is right; returns the set.
  func forge(_ old: String, _ new: String) throws -> String {
    let set = "\(try copyOfRun())/checkpoints/step-00000002"
    let file = "\(set)/state.json"
    var text = try String(contentsOfFile: file, encoding: .utf8)
    let range = try #require(text.range(of: old, options: .regularExpression), "\(text)")
    text.replaceSubrange(range, with: new)
    let body = Array(
      text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(2).joined(separator: "\n").utf8)
    var hash = XXHash64()
    body.withUnsafeBytes { hash.update($0) }
    let head = "{\n  \"xxh64\" : \"\(hash.text)\",\n"
    try Data(Array(head.utf8) + body).write(to: URL(fileURLWithPath: file), options: .atomic)
    return set
  }
}

extension BadInputCase {
  /// FIFOs where files are read, and where they are written.
  static let pipes = [
    BadInputCase(
      "a picture in evaluate", 65, ["/val2017/000002.jpg: is a FIFO, expected a regular file"], ranks: [1, 2]
    ) {
      try $0.pipe(at: $0.picture("val", 2))
      return $0.evaluate()
    },
    BadInputCase("a picture in predict", 65, ["/val2017/000001.jpg: is a FIFO"]) {
      try $0.pipe(at: $0.picture("val", 1))
      return $0.predict(1)
    },
    BadInputCase("annotations", 65, ["instances_train2017.json: is a FIFO"], ranks: [1, 2]) {
      try $0.pipe(at: $0.annotations("train"))
      return $0.train()
    },
    BadInputCase("results of another program", 65, ["results.json: is a FIFO, expected a regular file"]) {
      try $0.pipe(at: $0.folder.file("results.json"))
      return ["score", "--annotations", $0.annotations("val"), "--results", $0.folder.file("results.json")]
    },
    BadInputCase("an IDX file", 65, ["train-images-idx3-ubyte: is a FIFO"], ranks: [1, 2]) {
      try $0.writeMNIST()
      try $0.pipe(at: $0.folder.file("classes/train-images-idx3-ubyte"))
      return try $0.classify("mnist")
    },
    BadInputCase(
      "initial weights", 65, ["w.safetensors: kind: expected a regular file, got a FIFO"], ranks: [1, 2]
    ) {
      try $0.pipe(at: $0.folder.file("w.safetensors"))
      return $0.train("--set", "model.initial_weights=\($0.folder.file("w.safetensors"))")
    },
    BadInputCase("a plan file", 65, ["plan.json: is a FIFO"], ranks: [1, 2]) {
      try $0.pipe(at: $0.folder.file("plan.json"))
      return $0.train("--set", "planner.algorithms=\($0.folder.file("plan.json"))")
    },
    BadInputCase("the state of a checkpoint", 65, ["state.json: kind: expected a regular file, got a FIFO"]) {
      let run = try $0.copyOfRun()
      try $0.pipe(at: "\(run)/checkpoints/step-00000002/state.json")
      return ["evaluate", "--checkpoint", "\(run)/checkpoints/step-00000002"]
    },
    BadInputCase(
      "the metrics of a run", 73, ["metrics.jsonl: cannot write: it is a FIFO, expected a regular file or none"],
      ranks: [1, 2]
    ) {
      try FileManager.default.createDirectory(atPath: $0.folder.file("run"), withIntermediateDirectories: true)
      try $0.pipe(at: $0.folder.file("run/metrics.jsonl"))
      return $0.train()
    },
    BadInputCase("figures", 73, ["figures.json: cannot be written: it is a FIFO"]) {
      try $0.pipe(at: $0.folder.file("figures.json"))
      return $0.evaluate("--json", $0.folder.file("figures.json"))
    },
  ]

  /// States whose numbers would overflow.
  static let forgedStates = [
    BadInputCase(
      "a step, to go on from", 65,
      ["state.json: step: expected a number from 0 to 4294967295, got 9223372036854775807"],
      ranks: [1, 2]
    ) {
      let set = try $0.forge("\"step\" : 2", "\"step\" : 9223372036854775807")
      return $0.train("--resume", set, "--output", $0.folder.file("other"))
    },
    BadInputCase("a step, to evaluate", 65, ["state.json: step: expected 2, as the set is named, got 4294967295"]) {
      ["evaluate", "--checkpoint", try $0.forge("\"step\" : 2", "\"step\" : 4294967295")]
    },
    BadInputCase("ranks", 65, ["state.json: worldSize: expected a number from 1 to 16777216"]) {
      [
        "export", "--checkpoint", try $0.forge("\"worldSize\" : 1", "\"worldSize\" : 9223372036854775807"), "--output",
        "w",
      ]
    },
    BadInputCase(
      "images of an update", 65,
      ["state.json: extra.images_per_update: expected a number from 1 to 4294967296, got 9223372036854775807"],
      ranks: [1, 2]
    ) {
      let set = try $0.forge("\"images_per_update\" : \"1\"", "\"images_per_update\" : \"9223372036854775807\"")
      return $0.train("--resume", set, "--output", $0.folder.file("other"))
    },
    BadInputCase(
      "images of a pass", 65, ["extra.images_per_update: expected whole passes of 3 images on 1 ranks, got 1"]
    ) {
      let set = try $0.forge("\"images_per_pass\" : \"1\"", "\"images_per_pass\" : \"3\"")
      return $0.train("--resume", set, "--output", $0.folder.file("other"))
    },
    BadInputCase("skipped steps", 65, ["extra.skipped_steps: expected a number from 0 to 2, got 9223372036854775807"]) {
      let set = try $0.forge("\"skipped_steps\" : \"0\"", "\"skipped_steps\" : \"9223372036854775807\"")
      return $0.train("--resume", set, "--output", $0.folder.file("other"))
    },
  ]
}
