import Datasets
import Foundation
import TestSupport
import Testing

/// One mistake of a user: what it is, the command that meets it, and what the program must say.
struct BadInputCase: CustomTestStringConvertible, Sendable {
  /// What is wrong.
  let testDescription: String
  /// The documented exit code.
  let code: Int32
  /// What the message names: file, place, what was expected and found.
  let words: [String]
  /// The numbers of ranks that it is tried with: two where the way of the error through the ranks is its own.
  let ranks: [Int]
  /// Breaks the copies in the workspace and returns the arguments.
  let prepare: @Sendable (Workspace) throws -> [String]

  init(
    _ description: String, _ code: Int32, _ words: [String], ranks: [Int] = [1],
    prepare: @escaping @Sendable (Workspace) throws -> [String]
  ) {
    (testDescription, self.code, self.words, self.ranks) = (description, code, words, ranks)
    self.prepare = prepare
  }
}

extension BadInputCase {
  /// Mistakes in configuration and command line.
  static let settings = [
    BadInputCase(
      "an unknown key", 78, ["bad.yaml:2: model.dept: unknown key; did you mean \"model.depth\"?"], ranks: [1, 2]
    ) {
      ["--config", try $0.folder.write("model:\n  dept: 18\n", to: "bad.yaml")]
    },
    BadInputCase("a value of the wrong type", 78, ["bad.yaml:3: batch.per_rank: expected a whole number", "got many"]) {
      ["--config", try $0.folder.write("name: x\nbatch:\n  per_rank: many\n", to: "bad.yaml")]
    },
    BadInputCase("no YAML", 78, ["bad.yaml:3: not valid YAML"]) {
      ["--config", try $0.folder.write("model:\n  depth: [18\n", to: "bad.yaml")]
    },
    BadInputCase(
      "a configuration in UTF-16", 78, ["bad.yaml: not valid YAML: byte 0: expected text in UTF-8, got UTF-16"]
    ) {
      ["--config", try $0.folder.write([0xff, 0xfe, 0x61, 0, 0x3a, 0], to: "bad.yaml")]
    },
    BadInputCase("a format that nobody knows", 64, ["tflite", "'safetensors' and 'onnx'"]) {
      ["export", "--checkpoint", $0.trained.run, "--format", "tflite", "--output", $0.folder.file("model")]
    },
    BadInputCase("boxes decoded in a file of weights", 64, ["--decode: only a model in ONNX has it", "--format onnx"]) {
      ["export", "--checkpoint", $0.trained.run, "--decode", "--output", $0.folder.file("model")]
    },
    BadInputCase("a model in ONNX for no image", 64, ["--batch: expected 1 to 1024 images, got 0"]) {
      [
        "export", "--checkpoint", $0.trained.run, "--format", "onnx", "--batch", "0", "--output",
        $0.folder.file("model"),
      ]
    },
    BadInputCase("a size in ONNX that is none", 64, ["--size: expected pixels as 640 or", "got wide"]) {
      ["export", "--checkpoint", $0.trained.run, "--format", "onnx", "--size", "wide", "--output", $0.folder.file("m")]
    },
    BadInputCase("a size in ONNX that is too small", 78, ["input.evaluation.size: expected pixels from 32", "got 7"]) {
      ["export", "--checkpoint", $0.trained.run, "--format", "onnx", "--size", "7", "--output", $0.folder.file("m")]
    },
    BadInputCase("a model in ONNX of a checkpoint that is not there", 66, ["/nowhere: cannot open"]) {
      ["export", "--checkpoint", $0.folder.file("nowhere"), "--format", "onnx", "--output", $0.folder.file("m")]
    },
    BadInputCase("a configuration that is not there", 66, ["/nothing.yaml", "no such file"]) {
      ["--config", $0.folder.file("nothing.yaml")]
    },
    BadInputCase(
      "more threads than cores", 78, ["threads_per_rank asks for 999", "start it with: mpirun -np"], ranks: [1, 2]
    ) {
      $0.train("--set", "threads_per_rank=999")
    },
    BadInputCase(
      "a DropBlock group that the model does not have", 78,
      [
        "--set dropblock.groups=[4]: dropblock.groups: expected groups of model.name customnet",
        "which has [1, 2, 3]; got 4",
      ], ranks: [1, 2]
    ) {
      try $0.classify("cifar10", "--set", "dropblock.groups=[4]")
    },
    BadInputCase(
      "a branch that DropBlock does not know", 78,
      ["--set dropblock.sites=skip: dropblock.sites: expected conv+skip or conv; got skip"]
    ) {
      try $0.classify("cifar10", "--set", "dropblock.sites=skip")
    },
    BadInputCase(
      "label smoothing for a detector", 78, ["loss.label_smoothing: only a classifier knows it", "remove this key"]
    ) {
      $0.train("--set", "loss.label_smoothing=0.1")
    },
    BadInputCase("a wrong option", 64, ["Unknown option '--nonsense'", "Usage: "], ranks: [1, 2]) { _ in ["--nonsense"]
    },
    BadInputCase(
      "a name that leads out of runs/", 78,
      ["bad.yaml:1: name: expected the name of a folder below runs/", "got ..;", "--output"], ranks: [1, 2]
    ) {
      ["--config", try $0.folder.write("name: ..\n", to: "bad.yaml")]
    },
    BadInputCase("a name of a path", 78, ["--set name=a/b: name: expected the name of a folder"]) {
      ["--config", $0.trained.configuration, "--set", "data.root=\($0.data)", "--set", "name=a/b"]
    },
    BadInputCase(
      "an empty run directory", 64, ["--output: expected a value, got an empty one", "variable"], ranks: [1, 2]
    ) {
      ["--config", $0.trained.configuration, "--set", "data.root=\($0.data)", "--output", ""]
    },
    BadInputCase("an empty image", 64, ["argument 6: expected a value, got an empty one"]) {
      ["predict", "--checkpoint", $0.trained.run, "--output", $0.folder.file("found"), ""]
    },
    BadInputCase("no data set", 78, ["data.root: expected the directory of the data set", "--set data.root=DIR"]) {
      ["--config", $0.trained.configuration, "--output", $0.folder.file("run")]
    },
  ]

  /// Mistakes in data sets.
  static let data = [
    BadInputCase(
      "a missing data set", 66, ["/data/annotations/instances_train2017.json", "No such file", "data.root"],
      ranks: [1, 2]
    ) {
      try $0.remove($0.data)
      return $0.train()
    },
    BadInputCase("a missing picture folder", 66, ["/data/val2017: the folder of the images is missing; data.root, or"])
    {
      try $0.remove("\($0.data)/val2017")
      return $0.train()
    },
    BadInputCase("annotations cut short", 65, ["instances_train2017.json: not complete or not valid JSON"]) {
      try $0.truncate($0.annotations("train"))
      return $0.train()
    },
    BadInputCase(
      "a second document behind the annotations", 65, ["instances_train2017.json: more data after byte "],
      ranks: [1, 2]
    ) {
      try $0.replace("]}", "]}{\"images\": []}", in: $0.annotations("train"))
      return $0.train()
    },
    BadInputCase(
      "annotations in Latin-1", 65, ["latin1.json: byte 13: expected text in UTF-8, got the byte e9"]
    ) {
      try $0.folder.write(Array("{\"info\": \"caf".utf8) + [0xe9, 0x22, 0x7d], to: "latin1.json")
      return $0.train("--set", "data.train.annotations=\($0.folder.file("latin1.json"))")
    },
    BadInputCase(
      "images without a size, which only scoring does without", 65,
      ["instances_train2017.json: image 1: expected a \"width\" of 1 to 1048576 pixels, got none"], ranks: [1, 2]
    ) {
      try $0.replaceAll("\"width\": ", "\"columns\": ", in: $0.annotations("train"))
      return $0.train()
    },
    BadInputCase(
      "images without a name in evaluate", 65,
      ["instances_val2017.json: image 1: expected a \"file_name\", got none; a model cannot do without"], ranks: [1, 2]
    ) {
      try $0.replaceAll("\"file_name\"", "\"path\"", in: $0.annotations("val"))
      return $0.evaluate()
    },
    BadInputCase(
      "a category that does not exist", 65,
      ["instances_train2017.json: annotations[0] (id 1): \"category_id\" 99", "none of the 5 categories"],
      ranks: [1, 2]
    ) {
      try $0.replace("\"category_id\": ", "\"category_id\": 99", in: $0.annotations("train"))
      return $0.train()
    },
    BadInputCase(
      "an annotation of an image that is not listed", 65,
      ["instances_train2017.json: annotations[0] (id 1): \"image_id\" 991", "no image"]
    ) {
      try $0.replace("\"image_id\": 1", "\"image_id\": 991", in: $0.annotations("train"))
      return $0.train()
    },
    BadInputCase(
      "more categories than classes", 65, ["instances_train2017.json: category 5 (cross)", "the model has 4 classes"],
      ranks: [1, 2]
    ) { $0.train("--set", "model.classes=4") },
    BadInputCase(
      "a category that the validation file names otherwise", 65,
      [
        "instances_val2017.json: class plus: expected one of the classes of the training annotations ",
        "star, cross\n", "star, plus\n",
      ],
      ranks: [1, 2]
    ) {
      try $0.replace("\"name\": \"cross\"", "\"name\": \"plus\"", in: $0.annotations("val"))
      return $0.train()
    },
    BadInputCase(
      "a category that the checkpoint does not know", 65,
      ["instances_val2017.json: class plus: expected one of the classes of the checkpoint ", "step-00000002"],
      ranks: [1, 2]
    ) {
      for split in ["train", "val"] {
        try $0.replace("\"name\": \"cross\"", "\"name\": \"plus\"", in: $0.annotations(split))
      }
      return $0.evaluate()
    },
    BadInputCase(
      "a resumption with other categories", 65,
      ["instances_train2017.json: class plus: expected one of the classes of the checkpoint "]
    ) {
      _ = try $0.copyOfRun()
      for split in ["train", "val"] {
        try $0.replace("\"name\": \"cross\"", "\"name\": \"plus\"", in: $0.annotations(split))
      }
      return $0.train()
    },
    BadInputCase("no images at all", 65, ["instances_train2017.json: lists no images; is it the right file?"]) {
      try $0.folder.write("{\"images\": [], \"annotations\": [], \"categories\": []}", to: "none.json")
      try $0.remove($0.annotations("train"))
      try FileManager.default.moveItem(atPath: $0.folder.file("none.json"), toPath: $0.annotations("train"))
      return $0.train()
    },
    BadInputCase("fewer images than a step takes", 65, ["instances_train2017.json: has 8 images, a step takes "]) {
      $0.train("--set", "batch.per_rank=9")
    },
    BadInputCase(
      "one fault more than data.max_faults", 65,
      ["data.max_faults allows 0", "/train2017/000003.jpg", "Premature end of JPEG file"], ranks: [1, 2]
    ) {
      try $0.truncate($0.picture("train", 3))
      return $0.train("--set", "data.max_faults=0", "--set", "train.length=1 epoch")
    },
    BadInputCase("no readable picture", 65, ["/train2017: none of the 8 images can be read", "000"]) { space in
      for number in 1...8 { try space.truncate(space.picture("train", number)) }
      return space.train()
    },
    BadInputCase(
      "a flat box to be evaluated, before training starts", 65,
      ["instances_val2017.json: annotation 1 of 000001.jpg has a box of 0.0x4.0"], ranks: [1, 2]
    ) {
      try $0.replace("\"bbox\": [", "\"bbox\": [3, 3, 0, 4], \"was\": [", in: $0.annotations("val"))
      return $0.train()
    },
    BadInputCase(
      "a missing picture to be evaluated, before training starts", 65,
      [
        "instances_val2017.json: ", "/val2017/000004.jpg is missing, which is listed as image 4",
        "supply sound files, or take their images out of the data", "data.val.images=DIR",
      ], ranks: [1, 2]
    ) {
      try $0.remove($0.picture("val", 4))
      return $0.train()
    },
    BadInputCase(
      "a picture of another size to be evaluated, before training starts", 65,
      ["instances_val2017.json: ", "/val2017/000002.jpg: is 9x9", "supply sound files"]
    ) {
      try $0.remove($0.picture("val", 2))
      try $0.folder.write(RGBImage(width: 9, height: 9).jpegFile(), to: "data/val2017/000002.jpg")
      return $0.train()
    },
    BadInputCase("a flat box in evaluate", 65, ["instances_val2017.json: annotation 1 of 000001.jpg"]) {
      try $0.replace("\"bbox\": [", "\"bbox\": [3, 3, 5, 0], \"was\": [", in: $0.annotations("val"))
      return $0.evaluate()
    },
    BadInputCase(
      "a truncated picture in evaluate", 65, ["/val2017/000004.jpg", "Premature end of JPEG file"], ranks: [1, 2]
    ) {
      try $0.truncate($0.picture("val", 4))
      return $0.evaluate()
    },
    BadInputCase(
      "a missing picture in evaluate", 65,
      [
        "instances_val2017.json: ",
        "/val2017/000004.jpg is missing, which is listed as image 4; evaluation leaves nothing out",
      ]
    ) {
      try $0.remove($0.picture("val", 4))
      return $0.evaluate()
    },
    BadInputCase(
      "a truncated picture in predict", 65, ["/val2017/000002.jpg", "Premature end of JPEG file"], ranks: [1, 2]
    ) {
      try $0.truncate($0.picture("val", 2))
      return $0.predict(1, 2)
    },
    BadInputCase("a missing picture in predict", 66, ["/val2017/000002.jpg", "No such file"]) {
      try $0.remove($0.picture("val", 2))
      return $0.predict(1, 2)
    },
  ]

  /// Checkpoints that are missing, damaged or of another model.
  static let checkpoints = [
    BadInputCase("a checkpoint that is not there", 66, ["/nothing", "No such file"]) {
      ["evaluate", "--checkpoint", $0.folder.file("nothing")]
    },
    BadInputCase("a directory without checkpoints", 66, ["/data", "a directory without checkpoints; name one"]) {
      ["evaluate", "--checkpoint", $0.data]
    },
    BadInputCase(
      "a flipped bit in a checkpoint", 65, ["step-00000002/model.safetensors", "xxh64: expected"], ranks: [1, 2]
    ) {
      let run = try $0.copyOfRun()
      try $0.damage("\(run)/checkpoints/step-00000002/model.safetensors")
      return ["evaluate", "--checkpoint", "\(run)/checkpoints/step-00000002"]
    },
    BadInputCase("a checkpoint without its optimizer", 65, ["step-00000002", "optimizer.safetensors", "No such file"]) {
      let run = try $0.copyOfRun()
      try $0.remove("\(run)/checkpoints/step-00000002/optimizer.safetensors")
      return ["evaluate", "--checkpoint", "\(run)/checkpoints/step-00000002"]
    },
    BadInputCase(
      "a run whose checkpoints are all damaged", 65, ["/run/checkpoints", "none of the 2 checkpoint sets"],
      ranks: [1, 2]
    ) {
      let run = try $0.copyOfRun()
      for step in 1...2 { try $0.truncate("\(run)/checkpoints/step-0000000\(step)/state.json") }
      return $0.train()
    },
    BadInputCase("a model of another depth", 65, ["model.safetensors: names", "missing 80 (backbone.body.layer1.2"]) {
      $0.evaluate("--set", "model.depth=34")
    },
    BadInputCase("a model of other classes", 65, ["cls_logits.weight: expected [54, ", "got [45, "], ranks: [1, 2]) {
      $0.evaluate("--set", "model.classes=6")
    },
    BadInputCase("no safetensors file", 65, ["/text.safetensors: header length"]) {
      let file = try $0.folder.write("This is no file of weights.", to: "text.safetensors")
      return ["evaluate", "--checkpoint", file, "--config", $0.trained.configuration]
    },
    BadInputCase("weights of something else", 65, ["safetensors.safetensors: names", "loaded 0"]) {
      let file = Locations.golden(path: "safetensors.safetensors")
      return ["evaluate", "--checkpoint", file, "--config", $0.trained.configuration]
    },
    BadInputCase(
      "initial weights of something else", 65, ["safetensors.safetensors: model.initial_weights"], ranks: [1, 2]
    ) {
      $0.train("--set", "model.initial_weights=\(Locations.golden(path: "safetensors.safetensors"))")
    },
    BadInputCase("weights without a configuration", 78, ["--checkpoint", "give one with --config"]) {
      ["evaluate", "--checkpoint", "\($0.trained.run)/checkpoints/latest/model.safetensors"]
    },
    BadInputCase("a resumption from weights alone", 78, ["--resume", "model.safetensors", "model.initial_weights"]) {
      $0.train("--resume", "\($0.trained.run)/checkpoints/latest/model.safetensors")
    },
    BadInputCase(
      "a resumption with another value", 78, ["step-00000002", "learning_rate.peak", "0.08", "0.5"], ranks: [1, 2]
    ) {
      _ = try $0.copyOfRun()
      return $0.train("--set", "learning_rate.peak=0.5")
    },
  ]

  /// Places that cannot be written.
  ///
  /// Root may write where modes forbid it, so these are places that refuse everybody: below a regular file, and in the
  /// kernel's own file system.
  static let outputs = [
    BadInputCase(
      "a run directory below a file", 73, ["tiny.yaml/run: cannot create the directory", "--output DIR"], ranks: [1, 2]
    ) {
      [
        "--config", $0.trained.configuration, "--set", "data.root=\($0.data)", "--output",
        "\($0.trained.configuration)/run",
      ]
    },
    BadInputCase("a run directory that refuses files", 73, ["/proc/self: cannot write to the run directory"]) {
      ["--config", $0.trained.configuration, "--set", "data.root=\($0.data)", "--output", "/proc/self"]
    },
    BadInputCase(
      "figures that cannot be written", 73, ["/proc/figures.json: cannot be written", "give another place"],
      ranks: [1, 2]
    ) {
      $0.evaluate("--json", "/proc/figures.json")
    },
    BadInputCase(
      "predictions that cannot be written", 73, ["/proc/predictions: cannot create the directory"], ranks: [1, 2]
    ) {
      ["predict", "--checkpoint", $0.trained.run, "--output", "/proc/predictions", $0.picture("val", 1)]
    },
    BadInputCase("a drawing that would take the place of an image", 64, ["would take the place of an image"]) {
      let image = try $0.folder.write([], to: "photo.png")
      return ["predict", "--checkpoint", $0.trained.run, "--output", $0.folder.path, image]
    },
    BadInputCase("weights that cannot be written", 73, ["/proc/weights.safetensors: cannot create"]) {
      ["export", "--checkpoint", $0.trained.run, "--output", "/proc/weights.safetensors"]
    },
    BadInputCase("a model in ONNX that cannot be written", 73, ["/proc/model.onnx: cannot create", "another place"]) {
      ["export", "--checkpoint", $0.trained.run, "--format", "onnx", "--output", "/proc/model.onnx"]
    },
    BadInputCase("a description that cannot be written", 73, ["/proc/model.json: cannot be written"]) {
      ["inspect", "--checkpoint", $0.trained.run, "--json", "/proc/model.json"]
    },
    BadInputCase("an audit that cannot be written", 73, ["/proc/masks.json: cannot be written"]) {
      ["audit-masks", "--config", $0.trained.configuration, "--json", "/proc/masks.json"]
    },
  ]
}

extension Workspace {
  /// Arguments that detect in pictures of the validation set.
  func predict(_ numbers: Int...) -> [String] {
    ["predict", "--checkpoint", trained.run, "--output", folder.file("found")] + numbers.map { picture("val", $0) }
  }
}
