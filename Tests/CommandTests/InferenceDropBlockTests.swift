import Foundation
import TestSupport
import Testing

/// Oracle: one rank, and evaluation as usual.
@Suite(.serialized) struct InferenceDropBlockTests {
  /// A classifier that two steps have trained, and 300 images to judge it: 19 batches, of which the last one is not full.
  private struct Trained {
    let folder: TemporaryDirectory
    let run: String
    let environment: [String: String]

    init() throws {
      folder = try TemporaryDirectory("figure5")
      run = folder.file("net")
      environment = [
        "DROPBLOCK_CACHE": folder.file("cache"), "DROPBLOCK_DATA": "", "OMPI_MCA_odls_base_sigkill_timeout": "0",
      ]
      for (name, count) in [("train.bin", 16), ("val.bin", 300)] {
        var bytes: [UInt8] = []
        for record in 0..<count {
          let label = record * 7 % 10
          bytes.append(UInt8(label))
          for place in 0..<3072 { bytes.append(UInt8(20 + 22 * label + (place * (record % 11 + 3) >> 3) % 16)) }
        }
        try folder.write(bytes, to: name)
      }
      let configuration = try folder.write(
        """
        data:
          kind: cifar10
          root: \(folder.path)
          train: {files: [\(folder.file("train.bin"))]}
          val: {files: [\(folder.file("val.bin"))]}
        input: {size: 32}
        model: {name: resnet, form: paper, depth: 18, classes: 10}
        batch: {per_rank: 8}
        learning_rate: {warmup: 0 steps, schedule: cosine}
        train: {length: 2 steps, log_every: 1}
        planner: {algorithms: direct}
        threads_per_rank: 1

        """, to: "net.yaml")
      let trained = try runProgram(["--config", configuration, "--output", run], environment: environment)
      try #require(trained.exitCode == 0, "\(trained)")
    }

    /// The figures that `evaluate` writes.
    func figures(_ ranks: Int, _ dropBlock: String? = nil) throws -> Data {
      let json = folder.file("figures.json")
      let arguments =
        ["evaluate", "--checkpoint", run, "--json", json] + (dropBlock.map { ["--dropblock", $0] } ?? [])
      let result = try runProgram(ranks: ranks, arguments, environment: environment)
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.output.contains("DropBlock acts: ") == (dropBlock?.contains("keep_prob=1,") == false), "\(result)")
      return try Data(contentsOf: URL(fileURLWithPath: json))
    }

    /// The cells of the table of the sweep.
    func cells() throws -> [[String]] {
      try String(contentsOfFile: folder.file("sweep/sweep.csv"), encoding: .utf8).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
    }
  }

  /// What `evaluate --json` says of all classes together; `JSONSerialization` would lose a last bit.
  private struct Figures: Decodable {
    let top1: Double
    let top5: Double
    let val_loss: Double
  }

  @Test("figures are the same bytes on 1, 2 and 3 ranks, those of evaluation as usual at keep_prob 1, and others else")
  func evaluate() throws {
    let trained = try Trained()
    let plain = try trained.figures(1)
    let setting = "keep_prob=0.7,block_size=2,seed=3"
    let dropped = try trained.figures(1, setting)
    #expect(dropped != plain)
    for ranks in [2, 3] { #expect(try trained.figures(ranks, setting) == dropped, "\(ranks) ranks") }
    #expect(try trained.figures(3) == plain)
    #expect(try trained.figures(2, "keep_prob=1,block_size=2") == plain)
    for other in [
      "keep_prob=0.7,block_size=2,seed=4", "keep_prob=0.7,block_size=1,seed=3", "keep_prob=0.8,block_size=2,seed=3",
      "\(setting),groups=4", "\(setting),group_scaling=true",
    ] {
      #expect(try trained.figures(2, other) != dropped, "\(other)")
    }
    #expect(try trained.figures(2, "\(setting),groups=4+3,group_scaling=false") == dropped)
  }

  @Test("a sweep's rows are what evaluate says; cut short it goes on, and it refuses another checkpoint or seed")
  func sweep() throws {
    let trained = try Trained()
    let run = trained.run
    let (names, list) = (["--checkpoint", "a&b=\(run)", "--checkpoint", run], "0.7,1")
    func sweep(_ ranks: Int, _ keepProbabilities: String, _ more: String...) throws -> CommandResult {
      try runProgram(
        ranks: ranks,
        ["dropblock-sweep", "--output", trained.folder.file("sweep"), "--keep-prob", keepProbabilities]
          + ["--block-size", "1,2"] + names + more, environment: trained.environment)
    }
    let first = try sweep(1, list)
    #expect(first.exitCode == 0, "\(first)")
    #expect(first.output.contains("1 of 6: a&b, block 1, keep 0.7: top1 0."), "\(first)")
    #expect(first.output.contains("6 of 6: net, keep 1: top1 0."), "\(first)")
    let cells = try trained.cells()
    #expect(cells[0].suffix(5) == ["block_size", "keep_prob", "top1", "top5", "val_loss"])
    #expect(
      cells.dropFirst().map { [$0[0], $0[5], $0[6]] }
        == ["a&b", "net"].flatMap { name in
          [[name, "1", "0.7"], [name, "2", "0.7"], [name, "1", "1.0"], [name, "2", "1.0"]]
        })
    for row in cells.dropFirst() {
      let figures = try trained.figures(1, "keep_prob=\(row[6]),block_size=\(row[5])".replacing("=1.0,", with: "=1,"))
      let said = try JSONDecoder().decode(Figures.self, from: figures)
      #expect(row.suffix(3).map { Double($0) } == [said.top1, said.top5, said.val_loss], "\(row)")
    }
    let svg = try String(contentsOfFile: trained.folder.file("sweep/sweep.svg"), encoding: .utf8)
    #expect(svg.contains(">a&amp;b</text>") && svg.contains(">block size 2</text>"))

    // As a process leaves it that was killed in the middle of a write.
    let path = trained.folder.file("sweep/sweep.csv")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    try bytes.prefix(bytes.count * 2 / 3).write(to: URL(fileURLWithPath: path))
    let again = try sweep(3, list)
    #expect(again.exitCode == 0 && again.output.contains("rows are there already"), "\(again)")
    #expect(!again.output.contains("a&b, block"), "\(again)")
    let completed = try trained.cells()
    #expect(Set(completed) == Set(cells) && completed.count == cells.count)
    let more = try sweep(2, "0.7,0.9,1")
    #expect(more.exitCode == 0 && more.output.contains("4 of 4: net, block 2, keep 0.9"), "\(more)")
    #expect(try trained.cells().count == cells.count + 4)

    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    for (arguments, words) in [
      (["--seed", "2"], "sweep.csv:2: seed of a&b: expected 2, as in this sweep; got 1"),
      (["--groups", "4"], "groups of a&b: expected 4"), (["--group-scaling"], "group_scaling of a&b: expected true"),
      (["--set", "input.deviation=[0.2]"], "digest of weights and configuration of a&b"),
    ] {
      let refused = try runProgram(
        ranks: 2,
        ["dropblock-sweep", "--output", trained.folder.file("sweep"), "--keep-prob", list] + names + arguments,
        environment: trained.environment)
      refused.expectError(78, [words])
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
  }
}

extension BadInputCase {
  /// Mistakes in what DropBlock at inference is told.
  static let inferenceDropBlock = [
    BadInputCase(
      "a keep probability of 0 at inference", 64,
      [
        "--dropblock keep_prob=0,block_size=7: keep_prob is a number above 0 and at most 1, got 0",
        "expected keep_prob=P",
      ],
      ranks: [1, 2]
    ) {
      $0.evaluate("--dropblock", "keep_prob=0,block_size=7")
    },
    BadInputCase("an unknown name at inference", 64, ["there is no \"keep=0.9\""]) {
      $0.evaluate("--dropblock", "keep=0.9,block_size=7")
    },
    BadInputCase(
      "a group at inference that the network lacks", 78,
      ["--dropblock: expected groups of model.name retinanet, which has [1, 2, 3, 4]; got 5"], ranks: [1, 2]
    ) {
      $0.evaluate("--dropblock", "keep_prob=0.9,block_size=7,groups=3+5")
    },
    BadInputCase("a sweep's list that is none", 64, ["--keep-prob 1,,0.9: expected a list with commas"], ranks: [1, 2])
    {
      $0.sweep("--keep-prob", "1,,0.9")
    },
    BadInputCase("a sweep of groups that are none", 64, ["--groups 3,4: expected one or more whole numbers"]) {
      $0.sweep("--groups", "3,4")
    },
    BadInputCase(
      "a sweep's group that the network lacks", 78, ["run: --groups: expected groups of model.name retinanet"]
    ) {
      $0.sweep("--groups", "7")
    },
    BadInputCase("two checkpoints of a sweep with one name", 64, ["is called run, as ", "--checkpoint NAME="]) {
      $0.sweep("--checkpoint", $0.trained.run)
    },
    BadInputCase("a sweep without a checkpoint", 64, ["--checkpoint"]) { _ in ["dropblock-sweep", "--output", "x"] },
    BadInputCase("a sweep's checkpoint that is not there", 66, ["/nothing", "No such file"], ranks: [1, 2]) {
      $0.sweep("--checkpoint", $0.folder.file("nothing"))
    },
    BadInputCase("a sweep that cannot be written", 73, ["/proc/sweep: cannot create the directory"], ranks: [1, 2]) {
      ["dropblock-sweep", "--checkpoint", $0.trained.run, "--output", "/proc/sweep"]
    },
  ]
}

extension Workspace {
  /// Arguments of a sweep of the trained run, with what is wrong with them.
  fileprivate func sweep(_ more: String...) -> [String] {
    ["dropblock-sweep", "--checkpoint", trained.run, "--output", folder.file("sweep")] + more
  }
}
