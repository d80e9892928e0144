import Foundation
import TestSupport
import Testing

/// Oracle: what a page tells people to type ends with 0, in a directory of theirs and without any rights.
@Suite(.serialized) struct ExampleTests {
  /// A directory that has what the examples name, and belongs to an ordinary user.
  private struct Desk {
    private let folder: TemporaryDirectory
    private let user: [String]

    /// What a user would have: a small configuration, data sets in the places that the pages name, runs, pictures, results.
    private static let configuration = """
      data: {kind: shapes, shapes: {size: 64, train_images: 8, val_images: 4}}
      input: {size: 64, evaluation: {size: 64}}
      model: {form: paper, depth: 18, classes: 5}
      batch: {per_rank: 1}
      learning_rate: {warmup: 0 steps, schedule: cosine}
      planner: {algorithms: direct}
      train: {length: 4 steps, checkpoint_every: 1 step, log_every: 1}

      """
    private static let preparation = """
      set -e
      dropblock-dist --config mine.yaml --output runs/smoke
      cp -r runs/smoke runs/bccd
      mkdir -p data/bccd/annotations_coco
      cp -r cache/shapes-v1-* data/coco
      cp -r data/coco/train2017 data/bccd/JPEGImages
      for split in train val; do
        cp data/coco/annotations/instances_train2017.json data/bccd/annotations_coco/instances_$split.json
        for class in a b; do
          mkdir -p data/imagenet/$split/$class
          cp data/coco/val2017/*.jpg data/imagenet/$split/$class
        done
      done
      mkdir data/cifar10
      for name in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
        head -c 30730 /dev/zero >data/cifar10/$name.bin
      done
      cp data/coco/val2017/000001.jpg photo.jpg
      dropblock-dist doctor --config configs/smoke-segmentation.yaml --set data.shapes.size=64 \
        --set data.shapes.train_images=8 --set data.shapes.val_images=4 --set batch.per_rank=1 --set input.size=64
      mkdir data/VOCdevkit
      cp -r cache/shapes-masks-* data/VOCdevkit/VOC2012
      cp -r data/VOCdevkit/VOC2012/SegmentationClass data/VOCdevkit/VOC2012/SegmentationClassAug
      cp data/VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt data/VOCdevkit/VOC2012/ImageSets/Segmentation/trainaug.txt
      dropblock-dist --config configs/resnet50-flowers5.yaml --output runs/flowers --set data.root=data/imagenet \
        --set model.classes=2 --set model.depth=18 --set input.size=64 --set batch.per_rank=1 --set planner.algorithms=direct \
        --set train.length='1 step' --set learning_rate.warmup='0 steps'
      for name in flowers-dropblock cifar10-customnet-none cifar10-customnet-dropblock7; do cp -r runs/flowers runs/$name; done
      cp data/coco/annotations/instances_val2017.json instances_val2017.json
      cp instances_val2017.json instances_val.json
      cp runs/smoke/evaluations/step-00000004/coco_instances_results.json results.json
      cp results.json detections.json
      echo 'localhost slots=4' >hosts

      """

    init() throws {
      folder = try TemporaryDirectory("desk")
      user = OrdinaryUser.prefix(running: Locations.program) ?? []
      try folder.write(Self.configuration, to: "mine.yaml")
      try FileManager.default.createDirectory(atPath: folder.file("bin"), withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: folder.file("bin/dropblock-dist"), withDestinationPath: Locations.program)
      try FileManager.default.copyItem(atPath: "\(Locations.packageRoot)/configs", toPath: folder.file("configs"))
      if !user.isEmpty {
        let owner = "\(OrdinaryUser.number):\(OrdinaryUser.number)"
        let owned = try run(["chown", "-R", "-h", owner, folder.path])
        try #require(owned.exitCode == 0, "\(owned)")
      }
      let prepared = try type(Self.preparation)
      try #require(prepared.exitCode == 0, "\(prepared)")
    }

    /// Types text into a shell of the user in this directory.
    func type(_ text: String) throws -> CommandResult {
      var environment = [
        "PATH": folder.searchPath, "HOME": folder.path,
        "DROPBLOCK_CACHE": folder.file("cache"), "DROPBLOCK_DATA": folder.file("data"),
        // Any number of ranks on any number of cores.
        "OMP_NUM_THREADS": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        "PRTE_MCA_hwloc_default_binding_policy": "none", "OMPI_MCA_odls_base_sigkill_timeout": "0",
      ]
      environment.merge(mpirunEnvironment) { $1 }
      return try run(user + ["bash", "-c", text], environment: environment, directory: folder.path)
    }
  }

  /// What is added to the examples of a command, so that they take seconds; a later word takes the place of an earlier one.
  private static func smaller(_ example: String) -> String {
    let model =
      " --set input.size=64 --set model.depth=18 --set batch.per_rank=1 --set planner.algorithms=direct"
    let words = example.split(whereSeparator: \.isWhitespace).map(String.init)
    let command = words.firstIndex(of: "dropblock-dist").map { $0 + 1 }.flatMap {
      words.indices.contains($0) ? words[$0] : nil
    }
    switch command {
    case "cam", "evaluate", "dropblock-sweep", "export", "keys", "predict", "report", "runs", "score", "watch":
      return ""
    case "inspect" where example.contains("--data"): return ""
    case "inspect", "audit-masks", "plan": return model
    case "doctor": return example.contains("configs/") ? model + " --set data.root=data/coco" : ""
    case "bench":
      return model + " --steps 1 --warmup 0" + (example.contains("--compare-dropblock") ? " --compare-dropblock 1" : "")
    case "verify-resume": return " --kills 1 --config mine.yaml --set train.length='4 steps'"
    default:
      let classes = ["bccd": 5, "imagenet": 2].first { example.contains($0.key) }?.value
      return model + " --set train.length='1 step' --set train.checkpoint_every='1 step'"
        + (example.contains("imagenet") || example.contains("cifar10") ? "" : " --set input.evaluation.size=64")
        + " --set train.evaluate_every='1 step' --set learning_rate.warmup='0 steps'"
        + (classes.map { " --set model.classes=\($0)" } ?? "")
    }
  }

  /// The commands among lines: those that begin with one of these words, with the lines that a backslash joins to them.
  private static func commands(
    _ lines: [Substring], beginning words: [String] = ["dropblock-dist ", "mpirun "]
  ) -> [String] {
    var found: [String] = []
    var isOpen = false
    for line in lines.map({ $0.trimmingCharacters(in: .whitespaces) }) {
      let begins = words.contains { line.hasPrefix($0) }
      if isOpen { found[found.count - 1] += " \(line)" } else if begins { found.append(line) } else { continue }
      isOpen = found[found.count - 1].hasSuffix("\\")
      if isOpen { found[found.count - 1].removeLast() }
    }
    return found
  }

  private func expectToWork(_ example: String, on desk: Desk) throws {
    let result = try desk.type(example + Self.smaller(example))
    #expect(result.exitCode == 0 && !result.timedOut, "\(example)\n\(result)")
  }

  @Test("the example in the help of every command works as it is shown, on a page of 80 columns")
  func help() throws {
    let desk = try Desk()
    let overview = try desk.type("dropblock-dist --help").output
    let names = try #require(overview.components(separatedBy: "SUBCOMMANDS:\n").last).split(separator: "\n").compactMap
    {
      $0.firstMatch(of: #/^  ([a-z-]+) /#).map { String($0.output.1) }
    }
    #expect(names.count >= 10 && names.contains("predict") && names.contains("train"), "\(overview)")
    for name in [""] + names {
      let text = try desk.type("dropblock-dist \(name) --help").output
      let examples = try #require(
        text.components(separatedBy: "Example:\n").dropFirst().first, "\(name) has no example")
      let lines = examples.components(separatedBy: "\n\n")[0].split(separator: "\n")
      let commands = Self.commands(lines)
      #expect(!commands.isEmpty && lines.allSatisfy { $0.hasPrefix("  ") && $0.count <= 80 }, "\(text)")
      for example in commands { try expectToWork(example, on: desk) }
    }
  }

  /// The README and the articles of the documentation, with the lines that show something to type.
  private static let pages = Result {
    let articles = "Sources/Documentation/Documentation.docc"
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(Locations.packageRoot)/\(articles)").sorted()
    return try (["README.md"] + names.map { "\(articles)/\($0)" }).map { name in
      let text = try String(contentsOfFile: "\(Locations.packageRoot)/\(name)", encoding: .utf8)
      return (name: name, lines: text.split(separator: "\n").filter { $0.hasPrefix("    ") })
    }
  }

  @Test("the commands of the README and of the articles work one after the other")
  func pages() throws {
    let pages = try Self.pages.get()
    #expect(pages.count >= 15)
    let desk = try Desk()
    // What several pages show is typed once.
    var typed: Set<String> = []
    for page in pages {
      for example in Self.commands(page.lines) {
        // What stands for something of the reader's, and ranks beyond what a test needs.
        let command = [
          ("-np N ", "-np 2 "), ("-np 8 ", "-np 2 "), ("FILE", "mine.yaml"), ("DIR", "runs/mine"), ("/data/", "data/"),
          ("mpirun -np 4 ...", "mpirun -np 4"),
        ].reduce(example.replacing(/\s+#.*/, with: "")) { $0.replacing($1.0, with: $1.1) }
        if !typed.insert(command).inserted { continue }
        let result = try desk.type(command + Self.smaller(command))
        #expect(result.exitCode == 0 && !result.timedOut, "\(page.name): \(example)\n\(result)")
      }
    }
    #expect(typed.count >= 45)
  }

  @Test("scripts that the pages and configurations name are there with the options shown, and arrays have a task a run")
  func scripts() throws {
    let heads = try FileManager.default.subpathsOfDirectory(atPath: "\(Locations.packageRoot)/configs").sorted()
      .filter { $0.hasSuffix(".yaml") || $0.hasSuffix(".sweep") }
      .map { name in
        let text = try String(contentsOfFile: "\(Locations.packageRoot)/configs/\(name)", encoding: .utf8)
        return (name: name, lines: text.split(separator: "\n").filter { $0.hasPrefix("#   ") }.map { $0.dropFirst() })
      }
    var (scripts, arrays) = (0, 0)
    for page in try Self.pages.get() + heads {
      for command in Self.commands(page.lines, beginning: ["launch/", "sbatch "]) {
        let words = command.replacing(/\s+#.*/, with: "").split(separator: " ").map(String.init)
        let place = try #require(words.firstIndex { $0.hasPrefix("launch/") }, "\(page.name): \(command)")
        let script = "\(Locations.packageRoot)/\(words[place])"
        let text = try String(contentsOfFile: script, encoding: .utf8)
        let arguments = words[(place + 1)...].prefix { $0 != "--" }
        // What stands behind train.sbatch are the program's own options.
        if !command.contains("train.sbatch") {
          for option in arguments where option.hasPrefix("--") {
            #expect(text.contains(option), "\(page.name): \(command): \(words[place]) has no \(option)")
          }
        }
        scripts += 1
        guard let last = command.firstMatch(of: #/--array=0-(\d+)/#).flatMap({ Int($0.output.1) }) else { continue }
        let runs = try run([
          "bash", "-c",
          """
          cd "$0" && for file in \(arguments.joined(separator: " ")); do
            case $file in
              *.sweep) grep -vE '^(#|$)' "$file" ;;
              */base.yaml) ;;
              *) echo "$file" ;;
            esac
          done | wc -l
          """, Locations.packageRoot,
        ])
        #expect(runs.exitCode == 0 && runs.output == "\(last + 1)\n", "\(page.name): \(command)\n\(runs)")
        arrays += 1
      }
    }
    #expect(scripts >= 20 && arrays >= 4)
  }
}
