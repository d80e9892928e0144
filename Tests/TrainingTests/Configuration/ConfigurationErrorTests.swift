import Foundation
import Tensors
import TestSupport
import Testing

@testable import Training

/// A configuration with one mistake, and the message it must give.
struct ConfigurationMistake: CustomTestStringConvertible, Sendable {
  let id: String
  var yaml = ""
  var overrides: [String] = []
  let message: String
  var testDescription: String { id }
}

/// Oracle: the table of messages below, which is the catalogue of what users can read.
@Suite struct ConfigurationErrorTests {
  static let mistakes = [
    ConfigurationMistake(
      id: "unknown key in a section", yaml: "model:\n  depth: 18\n  clases: 3\n",
      message: #"a.yaml:3: model.clases: unknown key; did you mean "model.classes"?"#),
    ConfigurationMistake(
      id: "unknown section", yaml: "dropblok:\n  block_size: 3\n",
      message: #"a.yaml:1: dropblok: unknown key; did you mean "dropblock"?"#),
    ConfigurationMistake(
      id: "swapped letters", yaml: "tarin: {length: 5 steps}\n",
      message: #"a.yaml:1: tarin: unknown key; did you mean "train"?"#),
    ConfigurationMistake(
      id: "right name in the wrong section", yaml: "model:\n  block_size: 3\n",
      message: #"a.yaml:2: model.block_size: unknown key; did you mean "dropblock.block_size"?"#),
    ConfigurationMistake(
      id: "an option that the network does not have", yaml: "model:\n  name: customnet\n  depth: 50\n",
      message: "a.yaml:3: model.depth: model.name customnet has no such option; remove this key"),
    ConfigurationMistake(
      id: "an option that the blocks do not have", yaml: "model: {depth: 34, stride_placement: 1x1}\n",
      message: "a.yaml:1: model.stride_placement: blocks of depth 34 have no 1x1 convolution to choose; remove this key"
    ),
    ConfigurationMistake(
      id: "images that the network cannot flatten", yaml: "model: {name: customnet}\ninput: {size: [32, 64]}\n",
      message: "a.yaml:2: input.size: expected a square with model.name customnet; got [32, 64]"),
    ConfigurationMistake(
      id: "stacks of unequal cells", yaml: "model: {name: amoebanet, cells: 4}\n",
      message: "a.yaml:1: model.cells: expected three stacks of as many cells, a multiple of 3; got 4"),
    ConfigurationMistake(
      id: "states that fill no block of channels", yaml: "model: {name: amoebanet, filters: 96}\n",
      message: "a.yaml:1: model.filters: expected a multiple of 64 with model.stem imagenet; got 96"),
    ConfigurationMistake(
      id: "images too small for the auxiliary head", yaml: "model: {name: amoebanet}\ninput: {size: 66}\n",
      message:
        "a.yaml:2: input.size: expected at least 67 pixels a side for the auxiliary head of model.name amoebanet; got "
        + "66; set model.auxiliary_weight=0 to do without it"),
    ConfigurationMistake(
      id: "an option of another network", yaml: "model: {name: resnet, cells: 6}\n",
      message: "a.yaml:1: model.cells: model.name resnet has no such option; remove this key"),
    ConfigurationMistake(
      id: "a path that the system would cut", yaml: "data:\n  root: \"a\\0b\"\n",
      message: "a.yaml:2: data.root: has a zero character, at which the system would cut a name or path; remove it"),
    ConfigurationMistake(
      id: "such a path in a list", yaml: "data: {kind: cifar10, train: {files: [a, \"b\\0\"]}}\n",
      message:
        "a.yaml:1: data.train.files: has a zero character, at which the system would cut a name or path; remove it"),
    ConfigurationMistake(
      id: "nothing near", yaml: "random:\n  zzzzzz: 1\n",
      message: "a.yaml:2: random.zzzzzz: unknown key; known here: seed, stream"),
    ConfigurationMistake(
      id: "a value given keys", yaml: "precision:\n  activations: f32\n",
      message: "a.yaml:1: precision: expected f32 or bf16; got a mapping"),
    ConfigurationMistake(
      id: "text for a whole number", yaml: "dropblock:\n  block_size: seven\n",
      message: "a.yaml:2: dropblock.block_size: expected a whole number from 1 to 4096; got seven"),
    ConfigurationMistake(
      id: "quoted number", yaml: "dropblock:\n  block_size: '7'\n",
      message: #"a.yaml:2: dropblock.block_size: expected a whole number from 1 to 4096; got the text "7""#),
    ConfigurationMistake(
      id: "fraction for a whole number", yaml: "batch: {per_rank: 1.5}\n",
      message: "a.yaml:1: batch.per_rank: expected a whole number from 1 to 65536; got 1.5"),
    ConfigurationMistake(
      id: "below the range", yaml: "dropblock:\n  keep_prob: 0\n",
      message: "a.yaml:2: dropblock.keep_prob: expected a number above 0 and at most 1; got 0"),
    ConfigurationMistake(
      id: "above the range", yaml: "dropblock:\n  keep_prob: 1.01\n",
      message: "a.yaml:2: dropblock.keep_prob: expected a number above 0 and at most 1; got 1.01"),
    ConfigurationMistake(
      id: "not a number", yaml: "learning_rate:\n  peak: .nan\n",
      message: "a.yaml:2: learning_rate.peak: expected a number above 0; got .nan"),
    ConfigurationMistake(
      id: "yes is not a Boolean", yaml: "optimizer:\n  nesterov: yes\n",
      message: "a.yaml:2: optimizer.nesterov: expected true or false; got yes"),
    ConfigurationMistake(
      id: "word that is no choice", yaml: "model:\n  form: detectron\n",
      message: "a.yaml:2: model.form: expected paper or torchvision; got detectron"),
    ConfigurationMistake(
      id: "depth that does not exist", yaml: "model:\n  depth: 51\n",
      message: "a.yaml:2: model.depth: expected 18, 34, 50 or 101; got 51"),
    ConfigurationMistake(
      id: "single value for a list", yaml: "dropblock:\n  groups: 4\n",
      message:
        "a.yaml:2: dropblock.groups: expected a list in brackets, each item a whole number from 1 to 4 or head; got 4"),
    ConfigurationMistake(
      id: "list item out of range", yaml: "dropblock:\n  groups: [4, 5]\n",
      message:
        "a.yaml:2: dropblock.groups: expected a list in brackets, each item a whole number from 1 to 4 or head; got [4, 5]"
    ),
    ConfigurationMistake(
      id: "length without unit", yaml: "train:\n  length: 500\n",
      message: #"a.yaml:2: train.length: expected a length such as "500 steps" or "1.5 epochs"; got 500"#),
    ConfigurationMistake(
      id: "size of three sides", yaml: "input:\n  size: [3, 64, 64]\n",
      message: "a.yaml:2: input.size: expected pixels from 16 to 4096 as SIDE or [HEIGHT, WIDTH]; got [3, 64, 64]"),
    ConfigurationMistake(
      id: "empty value", yaml: "dropblock:\n  block_size:\n",
      message: "a.yaml:2: dropblock.block_size: expected a whole number from 1 to 4096; got nothing"),
    ConfigurationMistake(
      id: "both owners of the batch", yaml: "batch:\n  per_rank: 1\n  global: 2\n",
      message: "a.yaml:2: batch.per_rank: give either this or batch.global, not both"),
    ConfigurationMistake(
      id: "section given a value", yaml: "batch: 64\n",
      message: "a.yaml:1: batch: expected a section with keys of its own, got 64"),
    ConfigurationMistake(
      id: "text without keys", yaml: "hello\n", message: #"a.yaml: expected keys such as "model:", got hello"#),
    ConfigurationMistake(
      id: "not YAML", yaml: "model: [18\n",
      message: "a.yaml:2: not valid YAML: did not find expected ',' or ']'"),
    ConfigurationMistake(
      id: "repeated key", yaml: "model:\n  depth: 18\n  depth: 34\n",
      message: "a.yaml:2: not valid YAML: the key depth is repeated"),
    ConfigurationMistake(
      id: "scales the wrong way round", yaml: "input:\n  scale_min: 1.5\n  scale_max: 1.25\n",
      message: "a.yaml:2: input.scale_min: expected at most input.scale_max, 1.25; got 1.5"),
    ConfigurationMistake(
      id: "input that is too small for a detector", yaml: "input: {size: 28}\n",
      message: "a.yaml:1: input.size: expected at least 32 pixels with model.name retinanet; got 28"),
    ConfigurationMistake(
      id: "augmentation that detectors do not have", yaml: "input: {cutout: 8}\n",
      message: "a.yaml:1: input.cutout: only a classifier knows it, and model.name is retinanet; remove this key"),
    ConfigurationMistake(
      id: "a detector's loss in a classifier", yaml: "model:\n  name: resnet\nloss:\n  focal_alpha: 0.5\n",
      message: "a.yaml:4: loss.focal_alpha: only a detector knows it, and model.name is resnet; remove this key"),
    ConfigurationMistake(
      id: "two means", yaml: "input: {mean: [0.5, 0.5]}\n",
      message: "a.yaml:1: input.mean: expected one number or 3 with data.kind coco; got [0.5, 0.5]"),
    ConfigurationMistake(
      id: "three means of grey images",
      yaml: "data: {kind: mnist}\nmodel: {name: resnet}\ninput: {mean: [0.5, 0.5, 0.5]}\n",
      message: "a.yaml:3: input.mean: expected one number with data.kind mnist; got [0.5, 0.5, 0.5]"),
    ConfigurationMistake(
      id: "group twice", yaml: "dropblock:\n  groups: [4, 4]\n",
      message: "a.yaml:2: dropblock.groups: expected each group once; got [4, 4]"),
    ConfigurationMistake(
      id: "two regularisers", yaml: "drop_path:\n  groups: [4]\ndropout:\n  groups: [3]\n",
      message: "a.yaml:2: drop_path.groups: expected groups for at most one regulariser; got dropout.groups and "
        + "drop_path.groups; set all but one of them to []"),
    ConfigurationMistake(
      id: "a regulariser beside stated DropBlock",
      yaml: "dropblock: {groups: [4]}\nspatial_dropout: {groups: [4]}\n",
      message: "a.yaml:2: spatial_dropout.groups: expected groups for at most one regulariser; got dropblock.groups "
        + "and spatial_dropout.groups; set all but one of them to []"),
    ConfigurationMistake(
      id: "group of Dropout twice", yaml: "dropout: {groups: [1, 1]}\n",
      message: "a.yaml:1: dropout.groups: expected each group once; got [1, 1]"),
    ConfigurationMistake(
      id: "keep probability of DropPath", yaml: "drop_path: {keep_prob: 0}\n",
      message: "a.yaml:1: drop_path.keep_prob: expected a number above 0 and at most 1; got 0"),
    ConfigurationMistake(
      id: "calibrated variant", yaml: "dropblock:\n  mode: timm\n  calibrated: true\n",
      message: "a.yaml:3: dropblock.calibrated: expected false with dropblock.mode timm, which has a gamma of its own; "
        + "got true"),
    ConfigurationMistake(
      id: "unknown variant", yaml: "dropblock: {mode: keras}\n",
      message: "a.yaml:1: dropblock.mode: expected paper, tpu_detection, torchvision, timm, timm_old, mmdetection or "
        + "keras_drop_block; got keras"),
    ConfigurationMistake(
      id: "Huber loss in torchvision's form", yaml: "model: {form: torchvision}\nloss: {huber_delta: 0.1}\n",
      message: "a.yaml:2: loss.huber_delta: model.form torchvision has an L1 loss without it; remove this key"),
    ConfigurationMistake(
      id: "boundaries without factors", yaml: "learning_rate:\n  boundaries: [1 epoch]\n",
      message: "a.yaml (default): learning_rate.factors: expected one factor for each of the 1 boundaries; "
        + "got [0.1, 0.01]"),
    ConfigurationMistake(
      id: "boundaries that fall", yaml: "learning_rate:\n  boundaries: [3 steps, 2 steps]\n",
      message: "a.yaml:2: learning_rate.boundaries: expected rising boundaries, all in steps or all in epochs; "
        + "got [3 steps, 2 steps]"),
    ConfigurationMistake(
      id: "run of no steps", yaml: "train: {length: 0 steps}\n",
      message: "a.yaml:1: train.length: expected at least 1 step; got 0 steps"),
    ConfigurationMistake(
      id: "variable that is not set", yaml: "data:\n  root: $DROPBLOCK_NO_SUCH_VARIABLE/coco\n",
      message: "a.yaml:2: data.root: the environment variable DROPBLOCK_NO_SUCH_VARIABLE is not set; set it, or give "
        + "the path with --set data.root=PATH"),
    ConfigurationMistake(
      id: "override without value", overrides: ["model.depth"],
      message: "--set model.depth: expected key.path=value, for example --set dropblock.block_size=5"),
    ConfigurationMistake(
      id: "override of an unknown key", overrides: ["model.dept=18"],
      message: #"--set model.dept=18: model.dept: unknown key; did you mean "model.depth"?"#),
    ConfigurationMistake(
      id: "override of the wrong type", overrides: ["model.depth=[18]"],
      message: "--set model.depth=[18]: model.depth: expected 18, 34, 50 or 101; got [18]"),
    ConfigurationMistake(
      id: "override of a whole section", overrides: ["model=18"],
      message: "--set model=18: model: expected a section with keys of its own, got 18"),
    ConfigurationMistake(
      id: "override of something inside a value", overrides: ["model.depth.layers=18"],
      message: "--set model.depth.layers=18: model.depth.layers: unknown key; model.depth is a single value: set that"),
  ]

  @Test("each mistake gives its one message, with code 78", arguments: mistakes)
  func message(mistake: ConfigurationMistake) {
    do {
      _ = try Configuration(text: mistake.yaml, name: "a.yaml", overrides: mistake.overrides)
      Issue.record("the configuration was accepted")
    } catch let error as ConfigurationError {
      #expect(error.description == mistake.message)
      #expect(error.exitCode == .badConfiguration)
    } catch {
      Issue.record("an error of another type: \(error)")
    }
  }

  @Test("edit distance counts insertions, deletions, substitutions and swaps")
  func distance() {
    let cases = [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("tarin", "train", 1), ("abc", "abc", 0)]
    for (first, second, edits) in cases { #expect(editDistance(first, second) == edits) }
  }

  @Test("a global batch that does not divide names the nearest numbers that do")
  func batchDivision() throws {
    let divided = try Configuration(text: "batch: {global: 10, accumulate: 2}", name: "a.yaml")
    #expect(throws: ConfigurationError.self) { try divided.batchPlan(ranks: 2) }
    do {
      _ = try divided.batchPlan(ranks: 2)
    } catch {
      #expect(
        "\(error)"
          == "this run: batch.global: expected a multiple of 2 ranks x 2 passes, such as 8 or 12; got 10")
    }
    #expect(try divided.batchPlan(ranks: 5) == BatchPlan(perRank: 1, accumulate: 2, global: 10))
    let owned = try Configuration(text: "batch: {per_rank: 3, accumulate: 2}", name: "a.yaml")
    #expect(try owned.batchPlan(ranks: 4) == BatchPlan(perRank: 3, accumulate: 2, global: 24))
  }

  @Test("an update has no more images than masks can number, if there are masks")
  func countOfMasks() throws {
    func plan(_ more: String, ranks: Int) throws -> BatchPlan {
      try Configuration(text: "batch: {global: 131072}\n\(more)", name: "a.yaml").batchPlan(ranks: ranks)
    }
    #expect(try plan("random: {stream: rank}", ranks: 2).perRank == 65_536)
    #expect(try plan("dropblock: {groups: []}", ranks: 1).global == 131_072)
    for (more, ranks) in [("random: {stream: rank}", 1), ("random: {stream: sample}", 8)] {
      let error = thrown(ConfigurationError.self) { try plan(more, ranks: ranks) }
      #expect(error?.exitCode == .badConfiguration && "\(error!)".contains("at most 65536 images"))
    }
    let resumed = try Configuration(text: "batch: {per_rank: 65536}\nrandom: {stream: rank}", name: "a.yaml")
    #expect(throws: ConfigurationError.self) { try resumed.batchPlan(ranks: 1, imagesPerUpdate: 131_072) }
  }

  @Test("shards are a power of two and shared out evenly, and what they exclude is named")
  func shards() throws {
    let text = "reproducible: across_ranks\nbatch: {global: 24, per_shard: 3}"
    let configuration = try Configuration(text: text, name: "a.yaml")
    for ranks in [1, 2, 4, 8] {
      let plan = try configuration.batchPlan(ranks: ranks)
      #expect(plan == BatchPlan(perRank: 3, accumulate: 8 / ranks, global: 24, order: .byRank))
      #expect(plan.hasShards && plan.passes == 8)
    }
    for ranks in [3, 16] { #expect(throws: ConfigurationError.self) { try configuration.batchPlan(ranks: ranks) } }
    let mistakes = [
      ("batch: {per_rank: 2}", "batch.per_rank"), ("batch: {global: 24, per_shard: 5}", "batch.global"),
      ("batch: {global: 24, per_shard: 2}", "batch.global"), ("batch: {global: 8, accumulate: 2}", "batch.accumulate"),
      ("batch: {global: 8}\nbatch_norm: {statistics: global}", "batch_norm.statistics"),
      ("batch: {global: 8}\nloss: {normalizer: global}", "loss.normalizer"),
      ("batch: {global: 8}\ndropblock: {normalizer: global}", "dropblock.normalizer"),
      ("batch: {global: 8}\nallreduce: {precision: bf16}", "allreduce.precision"),
    ]
    for (text, key) in mistakes {
      let error = thrown(ConfigurationError.self) {
        try Configuration(text: "reproducible: across_ranks\n" + text, name: "a.yaml")
      }
      #expect(error.map { "\($0)".contains("\(key): ") } == true, "\(text)")
    }
  }
}
