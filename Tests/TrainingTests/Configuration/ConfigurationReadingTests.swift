import Foundation
import Regularization
import Tensors
import TestSupport
import Testing

@testable import Training

/// Oracle: the values written in the texts; for round trips, equality of the structures.
@Suite struct ConfigurationReadingTests {
  /// Calls `body` with a directory of files that exists for as long as the call.
  func withFiles(_ files: [String: String], _ body: (String) throws -> Void) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("configuration-\(UUID())")
    defer { try? FileManager.default.removeItem(at: directory) }
    for (name, text) in files {
      let file = directory.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
    try body(directory.path)
  }

  /// The message of the error that `body` throws.
  func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  @Test("an empty text gives the published recipe of the paper's form")
  func paperDefaults() throws {
    let paper = try Configuration(text: "", name: "a")
    #expect(paper.batch.size == .global(64))
    #expect(paper.train.length == .epochs(150))
    #expect(paper.loss.focalGamma == 1.5 && paper.loss.huberDelta == 0.1 && paper.loss.boxWeight == 50)
    #expect(paper.batchNorm.decay == 0.997 && paper.batchNorm.epsilon == 1e-4)
    #expect(paper.input.scaleMinimum == 0.8 && paper.input.scaleMaximum == 1.2)
    #expect(paper.model.classes == 90 && paper.model.depth == .resNet50)
    #expect(paper.dropBlock.groups == [3, 4] && paper.dropBlock.isGroupScaled)
    #expect(paper.optimizer.momentum == 0.9 && !paper.optimizer.isNesterov && paper.optimizer.weightDecay == 1e-4)
  }

  @Test("defaults follow the form wherever the form is stated")
  func torchvisionDefaults() throws {
    let torchvision = try Configuration(text: "batch_norm: {decay: 0.8}\nmodel: {form: torchvision}", name: "a")
    #expect(torchvision.model.classes == 91)
    #expect(torchvision.loss.focalGamma == 2 && torchvision.loss.huberDelta == nil && torchvision.loss.boxWeight == 1)
    #expect(torchvision.batchNorm.decay == 0.8 && torchvision.batchNorm.epsilon == 1e-5)
    #expect(torchvision.input.evaluation.rule == .bounded(.init(shortSide: 800, longSideMaximum: 1333)))
    #expect(torchvision.dropBlock.groups.isEmpty)
    let overridden = try Configuration(text: "", name: "a", overrides: ["model.form=torchvision"])
    #expect(overridden.loss.focalGamma == 2)
  }

  /// Configurations whose values differ from the defaults in every key, one way or the other.
  static let texts = [
    "", "model: {form: torchvision}",
    #"""
    name: "a name: with #, \"quotes\" and é"
    precision: bf16
    threads_per_rank: 2
    data:
      kind: shapes
      root: /tmp/with space/x
      max_faults: 3
      workers: 4
      prefetch_depth: 5
      scaled_decoding: false
      orientation: apply
      shapes: {size: [64, 96], train_images: 7, val_images: 8, seed: 18446744073709551615}
    input:
      {size: [64, 96], scale_min: 0.1, scale_max: 1e-1, flip: 0.3333333333333333, mean: [0.5], deviation: [0.1, 0.2, 0.3],
      evaluation: {bounds: [100, 200]}}
    model:
      {depth: 101, stride_placement: 1x1, classes: 7, initial_weights: /w.safetensors,
      stem_trainable: false, trainable_layers: 3}
    batch_norm: {mode: frozen, statistics: global, decay: 0.99, epsilon: 1.0e-12}
    dropblock: {groups: [4], block_size: 3, keep_prob: 0.7, schedule: constant, group_scaling: false, sites: conv, normalizer: global}
    loss: {focal_alpha: 0.3, focal_gamma: 2.5, huber_delta: 1, box_weight: 1.25, normalizer: global}
    batch: {per_rank: 3, accumulate: 2, per_shard: 4}
    optimizer: {kind: lars, momentum: 0.8, nesterov: true, weight_decay: 0, square_decay: 0.5, epsilon: 1,
      trust_coefficient: 0.01, average_decay: 0.9999}
    learning_rate: {peak: 0.3, reference_batch: null, warmup: 0.5 epochs, warmup_start: 0, schedule: cosine,
      boundaries: [], factors: [], decay_factor: 0.5, decay_every: 2 epochs, power: 1}
    train:
      {length: 1 step, checkpoint_every: 5 steps, keep_checkpoints: 1, evaluate_every: 2 epochs, log_every: 1,
      non_finite_loss: skip, max_skipped_steps: 3, write_failure: continue}
    random: {seed: 9, stream: sample}
    planner: {algorithms: /plans/a.json, isa: avx2}
    distributed: {bucket_bytes: 4096, deadline_seconds: 2.5, sentinel_every: 7}
    allreduce: {precision: bf16}
    bench: {input: data}
    """#,
    #"""
    data: {kind: cifar10, train: {files: [/d, "/e f"]}, val: {files: /h}}
    input:
      {crop: random_resized, crop_padding: 2, crop_area_min: 0.25, auto_augment: true, cutout: 16, interpolation: bilinear,
      evaluation: {crop_fraction: 1}}
    model: {name: resnet, classes: 10}
    loss: {label_smoothing: 0.1}
    """#,
    "model: {name: amoebanet, cells: 6, filters: 32, stem: small, keep_prob: 1, auxiliary_weight: 0}",
    "data: {train: {annotations: /a.json, images: \"/true\"}, val: {annotations: /b.json, images: /7}}",
    "data: {kind: mnist, train: {images: /i, labels: /c}, val: {labels: /g}}\nmodel: {name: customnet}",
    "data: {kind: voc, classes: /c, train: {list: trainaug}, val: {list: /l/a.txt}}\nmodel: {name: segmentation}\ndropblock: {groups: [head, 4]}",
    "dropblock: {groups: [4], mode: timm_old, shared_mask: true}", "dropblock: {calibrated: true}",
    "dropout: {groups: [2], keep_prob: 0.6, schedule: linear_by_epoch, group_scaling: true, sites: conv+skip}",
    "spatial_dropout: {groups: [2], keep_prob: 0.6, schedule: linear, group_scaling: true, sites: conv+skip}",
    "drop_path: {groups: [2], keep_prob: 0.6, schedule: constant, group_scaling: true, depth_scaling: true}",
  ]

  @Test("what is written reads back as the same configuration, and is written the same again", arguments: texts.indices)
  func roundTrip(index: Int) throws {
    let configuration = try Configuration(text: Self.texts[index], name: "a")
    let again = try Configuration(text: configuration.yaml, name: "b", directory: "/elsewhere")
    #expect(again == configuration)
    #expect(again.yaml == configuration.yaml)
  }

  @Test("a run's own text may state what nothing reads any more, a user's may not")
  func idleKeys() throws {
    let text = "model: {name: customnet}\nloss: {focal_alpha: 0.5}"
    let resolved = try Configuration(text: text, name: "a", isResolved: true)
    #expect(!resolved.yaml.contains("focal_alpha"))
    let reason = "loss.focal_alpha: only a detector knows it, and model.name is customnet; remove this key"
    #expect(message { _ = try Configuration(text: text, name: "a") } == "a:2: \(reason)")
    let override = message {
      _ = try Configuration(text: text, name: "a", isResolved: true, overrides: ["loss.focal_alpha=1"])
    }
    #expect(override == "--set loss.focal_alpha=1: \(reason)")
    // What was stated for the model before is not for this one.
    let other = try Configuration(text: "loss: {focal_alpha: 0.5}", name: "a", overrides: ["model.name=customnet"])
    #expect(!other.yaml.contains("focal_alpha"))
    let stated = message {
      _ = try Configuration(text: "", name: "a", overrides: ["loss.focal_alpha=1", "model.name=customnet"])
    }
    #expect(stated == override)
  }

  @Test("a name keeps control characters and separators of lines when it is written and read")
  func controlCharacters() throws {
    let name = "\u{1}\u{7}\t\r\n\u{7F}\u{85}\u{A0}\u{2028}\u{2029}\u{FEFF}\u{FFFE}\u{FFFF}\u{1F600}\u{10FFFF}"
    var configuration = try Configuration(text: "", name: "a")
    configuration.name = name
    let again = try Configuration(text: configuration.yaml, name: "b")
    #expect(again.name.unicodeScalars.elementsEqual(name.unicodeScalars))
  }

  @Test("lists of aliases of lists that stand for billions of values are refused without making them")
  func manyAliases() throws {
    let lists = (0..<10).map { level in
      "k\(level): &k\(level) [" + Array(repeating: level == 0 ? "x" : "*k\(level - 1)", count: 9).joined(separator: ",")
    }
    let text = lists.joined(separator: "]\n") + "]\n? *k9\n: 1\n"
    #expect(
      message { _ = try Configuration(text: text, name: "a") }
        == "a: not valid YAML: expected at most 16 aliases such as *name, got 82")
    let size = try Configuration(text: "input: {size: &s [64, 96], evaluation: {size: *s}}", name: "a  * b").input
    #expect(size.evaluation.size == size.size)
  }

  @Test("the texts above from the third on state every key with another value than its default")
  func everyKeyIsCovered() throws {
    let configurations = try Self.texts[2...].map { try Configuration(text: $0, name: "a") }
    let defaults = Configuration(form: .paper)
    for key in Configuration.keys where !["model.name", "model.form", "reproducible"].contains(key.path) {
      #expect(configurations.contains { key.write($0) != key.write(defaults) }, "\(key.path)")
    }
  }

  @Test("the study's networks have Keras' defaults, no other regulariser, and no options of a ResNet backbone")
  func studyDefaults() throws {
    for name in ["customnet", "densenet", "resnet_keras"] {
      let configuration = try Configuration(text: "model: {name: \(name)}", name: "a")
      #expect(configuration.model.classes == 10)
      #expect(configuration.batchNorm.decay == 0.99 && configuration.batchNorm.epsilon == 0.001)
      #expect(configuration.dropBlock.groups.isEmpty)
      #expect(!configuration.yaml.contains("\n  depth:") && !configuration.yaml.contains("stride_placement"))
      #expect(try Configuration(text: configuration.yaml, name: "a") == configuration)
      let changed = try Configuration(
        text: "model: {name: \(name), classes: 3}\nbatch_norm: {decay: 0.9}\ndropblock: {groups: [2]}", name: "a")
      #expect(changed.model.classes == 3 && changed.batchNorm.decay == 0.9 && changed.dropBlock.groups == [2])
    }
  }

  @Test("another regulariser's groups turn DropBlock's default ones off, and nothing else does")
  func oneRegularizer() throws {
    for section in ["dropout", "spatial_dropout", "drop_path"] {
      #expect(try Configuration(text: "\(section): {groups: [4]}", name: "a").dropBlock.groups.isEmpty)
      #expect(try Configuration(text: "\(section): {groups: []}", name: "a").dropBlock.groups == [3, 4])
    }
    let stated = try Configuration(text: "dropblock: {groups: []}\ndropout: {groups: [3]}", name: "a")
    #expect(stated.maskSelection == MaskSelection(groups: [3], roles: [.convolution, .branchEnd]))
    let path = try Configuration(text: "drop_path: {groups: [3, 4]}", name: "a")
    #expect(path.maskSelection == MaskSelection(groups: [3, 4], roles: [.branchEnd]))
    let none = try Configuration(text: "dropblock: {groups: []}", name: "a")
    #expect(none.maskSelection == .none && none.regularizerSettings == nil)
  }

  /// A step of the schedule by epoch, at the default rates.
  @Test("the sections become the regulariser of a run")
  func runRegularization() throws {
    func run(_ text: String) throws -> RunRegularization {
      try #require(
        RunRegularization(
          try Configuration(text: text, name: "a"), totalSteps: 100, stepsPerEpoch: 10,
          extent: MaskExtent(groups: 4, blocks: 16)))
    }
    let dropBlock = try run("")
    #expect(dropBlock.regularizer == .dropBlock(DropBlock(blockSize: 7)) && dropBlock.keepProbability(step: 50) == 0.95)
    let dropout = try run("dropout: {groups: [4], schedule: linear_by_epoch}")
    #expect(dropout.regularizer == .dropout)
    #expect(abs(dropout.keepProbability(step: 59) - 0.85) < 1e-15)
    let spatial = try run("spatial_dropout: {groups: [4]}")
    #expect(spatial.regularizer == .spatialDropout && spatial.keepProbability(step: 0) == 0.9)
    let path = try run("drop_path: {groups: [4], depth_scaling: true}").keepProbabilities(step: 50)
    #expect(abs(path.at(MaskPlace(group: 4, .branchEnd, depth: 8)) - 0.975) < 1e-15)
    // mmdetection's ramp: the rate of call n, from 1, is n / 2000 of the schedule's.
    let ramp = try run("dropblock: {mode: mmdetection, schedule: constant}")
    #expect(abs(ramp.keepProbability(step: 0) - (1 - 0.1 / 2000)) < 1e-15)
    #expect(abs(ramp.keepProbability(step: 1999) - 0.9) < 1e-15 && ramp.keepProbability(step: 9999) == 0.9)
  }

  @Test("groups that the model lacks, and maps that a mode fails on, are errors with the key")
  func missingPlaces() throws {
    func problem(_ text: String) throws -> String? {
      do {
        _ = try Configuration(text: text, name: "a").task.checkedTrainingGraph(imagesPerRank: 1)
        return nil
      } catch { return "\(error)" }
    }
    let small = "model: {name: resnet, depth: 18}\ninput: {size: [64, 64]}\n"
    for text in ["", "drop_path: {groups: [1, 2, 3, 4]}", "dropblock: {mode: timm}"] {
      #expect(try problem(small + text) == nil)
    }
    #expect(
      try problem(small + "dropblock: {mode: torchvision, block_size: 3}")
        == "a:3: dropblock.mode: torchvision takes odd blocks only, not 2; got blocks of 3 on a map of 2x2 at "
        + "layer4.0.downsample.1")
    let place = MaskPlace(group: 2, .convolution, depth: 1)
    let dropout = try Configuration(text: "dropout: {groups: [2, 4]}", name: "a")
    #expect(throws: ConfigurationError.self) { try dropout.checkMasks(places: [place], sites: []) }
    #expect(
      try problem("model: {name: customnet}\ninput: {size: 32}\ndropblock: {groups: [3, 4]}")
        == "a:3: dropblock.groups: expected groups of model.name customnet, which has [1, 2, 3]; got 4")
    let path = try Configuration(text: "drop_path: {groups: [2]}", name: "a")
    let error = thrown(ConfigurationError.self) { try path.checkMasks(places: [place], sites: []) }
    #expect(
      error?.description == "a:1: drop_path.groups: model.name retinanet has no place where DropPath acts; set it to []"
    )
    #expect(error?.exitCode == .badConfiguration)
  }

  @Test("each key is known once")
  func keysAreUnique() {
    let paths = Configuration.keys.map(\.path)
    #expect(Set(paths).count == paths.count)
  }

  @Test("a file inherits from its base, single values win over both")
  func inheritance() throws {
    let files = [
      "base/root.yaml": "model: {depth: 34, classes: 4}\ndata: {root: images}\nbatch: {global: 8}\n",
      "middle.yaml": "base: base/root.yaml\nmodel:\n  classes: 5\ndropblock: {block_size: 5}\n",
      "leaf.yaml": "base: middle.yaml\ndropblock: {block_size: 3}\nbatch: {per_rank: 2}\ndata: {val: {images: val}}\n",
    ]
    try withFiles(files) { directory in
      let configuration = try Configuration(
        file: "\(directory)/leaf.yaml", overrides: ["dropblock.keep_prob=0.5", "model.depth=101", "model.depth=18"])
      #expect(configuration.name == "leaf")
      #expect(configuration.model.depth.rawValue == 18)
      #expect(configuration.model.classes == 5)
      #expect(configuration.dropBlock.blockSize == 3)
      #expect(configuration.dropBlock.keepProbability == 0.5)
      #expect(configuration.batch.size == .perRank(2))
      #expect(configuration.data.root == "\(directory)/base/images")
      #expect(configuration.data.validation.images == "\(directory)/val")
    }
  }

  @Test("files that are each other's base, a base that is missing and a missing file name the place")
  func badBases() throws {
    let files = [
      "a.yaml": "base: b.yaml\n", "b.yaml": "\nbase: a.yaml\n", "c.yaml": "model: {depth: 18}\nbase: d.yaml\n",
      "e.yaml": "base: [a.yaml]\n", "f.yaml": "base: g.yaml\n", "g.yaml": "model:\n  depht: 18\n",
    ]
    try withFiles(files) { directory in
      func message(_ file: String) -> String {
        self.message { _ = try Configuration(file: "\(directory)/\(file)") }
      }
      #expect(
        message("a.yaml")
          == "\(directory)/b.yaml:2: base: the files are each other's base: a -> b -> a; remove one \"base\"")
      #expect(
        message("c.yaml")
          == "\(directory)/c.yaml:2: base: \(directory)/d.yaml: cannot read the configuration: no such file")
      #expect(
        message("e.yaml")
          == "\(directory)/e.yaml:1: base: expected the path of a configuration file; got [a.yaml]")
      #expect(
        message("f.yaml") == "\(directory)/g.yaml:2: model.depht: unknown key; did you mean \"model.depth\"?")
      #expect(message("none.yaml") == "\(directory)/none.yaml: cannot read the configuration: no such file")
    }
    let missing = ConfigurationError.unreadable(file: "x", reason: "no such file")
    #expect(missing.exitCode == .missingFile)
  }

  @Test("a file may start with a byte-order mark; another encoding is named with its place, and a second document")
  func encodings() throws {
    let text = "model:\n  depth: 18 # caf\u{e9}\n"
    let folder = try TemporaryDirectory("encodings")
    func read(_ bytes: [UInt8]) throws -> Configuration {
      try Configuration(file: folder.write(bytes, to: "a.yaml"))
    }
    #expect(try read(TextEncoding.byteOrderMark + Array(text.utf8)).model.depth == .resNet18)
    let cases: [([UInt8], String)] = [
      (text.unicodeScalars.map { UInt8($0.value) }, "byte 24: expected text in UTF-8, got the byte e9, as in Latin-1"),
      (
        [0xff, 0xfe] + text.utf16.flatMap { [UInt8($0), 0] }, "byte 0: expected text in UTF-8, got UTF-16; convert it"
      ),
      (
        Array("\(text)---\n\(text)".utf8),
        "a.yaml:3: not valid YAML: expected a single document in the stream, but found another document"
      ),
    ]
    for (bytes, expected) in cases {
      let error = thrown(ConfigurationError.self) { try read(bytes) }
      #expect(error?.exitCode == .badConfiguration)
      let message = error?.description ?? ""
      #expect(message.hasPrefix("\(folder.file("a.yaml"))") && message.contains(expected), "\(message)")
    }
  }

  @Test("relative paths in overrides start at the working directory, variables are put in")
  func paths() throws {
    let configuration = try Configuration(
      text: "data: {root: $DATA/coco, val: {images: $DATA}}", name: "a", directory: "/configs",
      overrides: ["data.train.images=here/../there", "planner.algorithms=plan.json"], environment: ["DATA": "/d//e/"])
    #expect(configuration.data.root == "/d/e/coco")
    #expect(configuration.data.validation.images == "/d/e")
    let working = FileManager.default.currentDirectoryPath
    #expect(configuration.data.train.images == "\(working)/there")
    #expect(configuration.planner.algorithms == .file("\(working)/plan.json"))
  }

  @Test("a resumed run may log and save otherwise, but every key that decides the numbers is named")
  func trainingChanges() throws {
    let run = try Configuration(text: "batch: {global: 8}", name: "a")
    let resumed = try Configuration(
      text: "batch: {per_rank: 4}\nname: b\ntrain: {log_every: 1}\ndata: {workers: 3}\nrandom: {seed: 2}", name: "a")
    #expect(
      resumed.trainingChanges(since: run) == [
        Configuration.Change(key: "batch.per_rank", before: "none", after: "4"),
        Configuration.Change(key: "batch.global", before: "8", after: "none"),
        Configuration.Change(key: "random.seed", before: "1", after: "2"),
      ])
    #expect(run.trainingChanges(since: run).isEmpty)
  }

  @Test(
    "a built-in configuration is its file in configs/, letter for letter",
    arguments: [("smoke", Configuration.smoke), ("retinanet-r50-bench", Configuration.retinaNetBenchmark)])
  func embedded(name: String, text: String) throws {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let file = package.appendingPathComponent("configs/\(name).yaml")
    #expect(try String(contentsOf: file, encoding: .utf8) == text)
    #expect(try Configuration.load(file: nil, builtIn: text) == Configuration(file: file.path))
  }

  private static let configurations = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(
      "configs"
    )
    .path

  @Test("every file in configs/ is a valid configuration named after itself, with its folder in front")
  func shippedConfigurations() throws {
    let files = try FileManager.default.subpathsOfDirectory(atPath: Self.configurations).filter {
      $0.hasSuffix(".yaml")
    }
    #expect(files.contains("smoke.yaml") && files.contains("cifar10/customnet-dropblock7.yaml"))
    for file in files where !file.hasSuffix("/base.yaml") {
      let configuration = try Configuration(
        file: "\(Self.configurations)/\(file)", environment: ["DROPBLOCK_DATA": "/data"])
      #expect(configuration.name + ".yaml" == file.replacing("/", with: "-"))
    }
  }

  @Test("every line of a sweep is a name of its own and a valid configuration", arguments: ["figure3", "figure4"])
  func sweeps(name: String) throws {
    let folder = "\(Self.configurations)/imagenet"
    let text = try String(contentsOfFile: "\(folder)/\(name).sweep", encoding: .utf8)
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      $0.split(separator: " ").map(String.init)
    }
    #expect(Set(lines.map { $0[0] }).count == lines.count && lines.count >= 15)
    var written: Set<String> = []
    for line in lines {
      let options = line[2...].filter { $0 != "--set" }
      let configuration = try Configuration(
        file: "\(folder)/\(line[1])", overrides: Array(options), environment: ["DROPBLOCK_DATA": "/data"])
      written.insert(configuration.yaml)
    }
    #expect(written.count == lines.count, "each run differs from the others")
  }
}
