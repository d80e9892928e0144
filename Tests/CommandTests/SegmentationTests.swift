import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// A semantic segmentation from its files to its figures, with the program itself.
///
/// Oracles: another number of ranks, the run in one go, and figures counted anew from the masks that `predict` writes.
@Suite(.serialized) struct SegmentationTests {
  private let trial: TaskTrial
  private var folder: TemporaryDirectory { trial.folder }
  private var environment: [String: String] { trial.environment }
  /// Ten pictures to train on and seven to evaluate, of 64 pixels, in PASCAL VOC's layout.
  private let data: String

  init() throws {
    trial = try TaskTrial("segmentation")
    let drawn = try ShapesDataset.root(
      of: ShapesSpecification(width: 64, height: 64, trainCount: 10, validationCount: 7), layout: .masks,
      cache: trial.folder.file("drawn"))
    data = trial.folder.file("voc")
    try FileManager.default.copyItem(atPath: drawn, toPath: data)
    let classes = ShapesDataset.maskClasses.names.enumerated().map { "\($0) \($1)\n" }.joined()
    try classes.write(toFile: "\(data)/classes.txt", atomically: true, encoding: .utf8)
  }

  private func configuration(_ more: [String] = []) throws -> [String] {
    let text = """
      name: tiny-segmentation
      data: {kind: voc, root: \(data), workers: 2}
      input: {size: 65, scale_min: 0.75, scale_max: 1.5, evaluation: {size: 65}}
      model: {name: segmentation, depth: 18, classes: 6}
      batch_norm: {decay: 0.9}
      dropblock: {groups: [4, head], block_size: 3, keep_prob: 0.8}
      batch: {global: 4}
      learning_rate: {peak: 0.02, reference_batch: null, warmup: 1 step, warmup_start: 0, schedule: cosine}
      train: {length: 6 steps, checkpoint_every: 2 steps, log_every: 1}
      planner: {algorithms: direct}
      threads_per_rank: 1

      """
    return try ["--config", folder.write(text, to: "tiny.yaml")] + more.flatMap { ["--set", $0] }
  }

  @Test("a run on two ranks restarts exactly, and is evaluated on 1, 2 and 3 ranks with the figures of a naive count")
  func run() throws {
    let (whole, trained) = try trial.exactlyRestarted(configuration())
    #expect(
      trained.output.contains("10 training images") && trained.output.contains("of the pixels void"), "\(trained)")
    let rows = try trial.rows(whole)
    #expect(rows.count { $0["pixel_accuracy"] != nil && $0["loss"] != nil && $0["keep_prob"] != nil } == 6)
    let last = try #require(rows.last { $0["mIoU"] != nil })
    let said = try trial.figures(whole).values
    #expect(said["mIoU"] as? Double == last["mIoU"] as? Double)
    try predictedMasksHave(said, whole)
    // Logits must lie on the pixels that they were trained with, whatever the size of the canvas.
    let matrices = try [70, 73].map { side in
      let figures = folder.file("\(side).json")
      let evaluated = try runProgram(
        ["evaluate", "--checkpoint", whole, "--set", "input.evaluation.size=\(side)", "--json", figures],
        environment: environment)
      #expect(evaluated.exitCode == 0, "\(evaluated)")
      let values = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: figures)))
      return try #require((values as? [String: Any])?["confusion_matrix"] as? [[Int]])
    }
    #expect(matrices[0] == matrices[1])
    let pictures = try FileManager.default.contentsOfDirectory(atPath: "\(whole)/evaluations/step-00000006/pictures")
    #expect(pictures.count == 7)
  }

  private func mask(_ path: String) throws -> ClassMask {
    var file: [UInt8] = []
    return try MaskFile.read(path, into: &file)
  }

  /// Checks the figures by a naive count over the masks that `predict` writes for the validation pictures.
  private func predictedMasksHave(_ said: [String: Any], _ run: String) throws {
    let names = (1...7).map { "val-00000\($0)" }
    let output = folder.file("found")
    let predicted = try runProgram(
      ["predict", "--checkpoint", run, "--output", output] + names.map { "\(data)/JPEGImages/\($0).jpg" },
      environment: environment)
    #expect(predicted.exitCode == 0, "\(predicted)")
    var (truth, found): ([UInt8], [UInt8]) = ([], [])
    for name in names {
      truth += try mask("\(data)/SegmentationClass/\(name).png").classes
      found += try mask("\(output)/\(name)-classes.png").classes
      #expect(FileManager.default.fileExists(atPath: "\(output)/\(name).png"))
    }
    let counted = truth.indices.filter { truth[$0] != 255 }
    let shares = (0..<6).compactMap { number -> Double? in
      let (own, other) = (counted.filter { truth[$0] == number }, counted.filter { found[$0] == number })
      let (both, either) = (Set(own).intersection(other).count, Set(own).union(other).count)
      return either == 0 ? nil : Double(both) / Double(either)
    }
    let mean = shares.reduce(0, +) / Double(shares.count)
    #expect(said["mIoU"] as? Double == mean)
    let right = counted.count { truth[$0] == found[$0] }
    #expect(said["pixel_accuracy"] as? Double == Double(right) / Double(counted.count))
    let matrix = try #require(said["confusion_matrix"] as? [[Int]])
    #expect(matrix.map { $0.reduce(0, +) }.reduce(0, +) == counted.count)
  }

  @Test("doctor, inspect, bench and audit-masks know a segmentation")
  func otherCommands() throws {
    let doctor = try runProgram(["doctor"] + configuration(), environment: environment)
    #expect(doctor.exitCode == 0 && doctor.output.contains("with masks of 6 classes"), "\(doctor)")
    let inspect = try runProgram(["inspect"] + configuration(), environment: environment)
    #expect(inspect.exitCode == 0 && inspect.output.contains("head.logits.weight"), "\(inspect)")
    let bench = try runProgram(
      ["bench", "--steps", "2", "--warmup", "1"] + configuration(["bench.input=synthetic"]), environment: environment)
    #expect(bench.exitCode == 0 && bench.output.contains("pixel cross-entropy"), "\(bench)")
    let audit = try runProgram(["audit-masks"] + configuration(), environment: environment)
    #expect(audit.exitCode == 0, "\(audit)")
    #expect(
      audit.output.components(separatedBy: "head.bn.").count == 10, "three convolutions on three levels: \(audit)")
  }

  @Test("drawn shapes are learned from without any data")
  func shapes() throws {
    let result = try runProgram(
      ["train"]
        + configuration([
          "data.kind=shapes", "data.root=null", "data.shapes.size=64", "data.shapes.train_images=8",
          "data.shapes.val_images=3",
        ]) + ["--output", folder.file("shapes")], environment: environment)
    #expect(result.exitCode == 0 && result.output.contains("mIoU"), "\(result)")
  }

  /// What is done to the data, and what the program says.
  struct Mistake: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let code: Int32
    let words: [String]
    let settings: [String]
    let make: @Sendable (_ data: String) throws -> Void

    init(
      _ name: String, _ code: Int32, _ words: [String], settings: [String] = [],
      make: @escaping @Sendable (_ data: String) throws -> Void = { _ in }
    ) {
      (testDescription, self.code, self.words, self.settings, self.make) = (name, code, words, settings, make)
    }
  }

  static let mistakes = [
    Mistake("a mask of another size than its image", 65, ["train-000003.png", "the mask is 10x64", "is 64x64"]) {
      try writeFile(
        ClassMask(width: 10, height: 64, classes: Array(repeating: 0, count: 640)).pngFile(),
        to: "\($0)/SegmentationClass/train-000003.png")
    },
    Mistake("a number beyond the classes", 65, ["train-000002.png", "pixel (1, 0)", "from 0 to 5", "got 6"]) {
      let classes = (0..<4096).map { UInt8($0 == 1 ? 6 : 0) }
      try writeFile(
        ClassMask(width: 64, height: 64, classes: classes).pngFile(), to: "\($0)/SegmentationClass/train-000002.png")
    },
    Mistake("an RGB mask", 65, ["train-000001.png", "got RGB colours", "PASCAL VOC"]) {
      try writeFile(RGBImage(width: 64, height: 64).pngFile(), to: "\($0)/SegmentationClass/train-000001.png")
    },
    Mistake("a missing mask", 65, ["train-000004.png: the mask is missing", "train.txt"]) {
      try FileManager.default.removeItem(atPath: "\($0)/SegmentationClass/train-000004.png")
    },
    Mistake("an empty list", 65, ["train.txt: expected names of images, got none"]) {
      try writeFile([], to: "\($0)/ImageSets/Segmentation/train.txt")
    },
    Mistake("masks of nothing but void", 65, ["nothing but 255"]) { data in
      for number in 1...9 {
        try writeFile(
          ClassMask(width: 64, height: 64, classes: Array(repeating: 255, count: 4096)).pngFile(),
          to: "\(data)/SegmentationClass/train-00000\(number).png")
      }
      try writeFile(
        ClassMask(width: 64, height: 64, classes: Array(repeating: 255, count: 4096)).pngFile(),
        to: "\(data)/SegmentationClass/train-000010.png")
    },
    Mistake("a missing list", 66, ["trainaug.txt", "data.train.list"], settings: ["data.train.list=trainaug"]),
    Mistake("fewer classes than the data", 65, ["has 6 classes", "model.classes to 6"], settings: ["model.classes=4"]),
    Mistake("torchvision's form", 78, ["model.form", "expected paper"], settings: ["model.form=torchvision"]),
    Mistake(
      "a key of detectors", 78, ["loss.focal_alpha: only a detector knows it"], settings: ["loss.focal_alpha=0.3"]),
    Mistake("another task's data", 78, ["expected voc or shapes"], settings: ["data.kind=coco"]),
  ]

  @Test("a mistake in the data ends every rank with one message and its code", arguments: mistakes)
  func badData(mistake: Mistake) throws {
    try mistake.make(data)
    for ranks in [1, 2] {
      let result = try runProgram(
        ranks: ranks, ["train"] + configuration(mistake.settings) + ["--output", folder.file("bad\(ranks)")],
        environment: environment)
      result.expectError(mistake.code, mistake.words)
    }
  }

  @Test("an image that cannot be read is left out of training and named; a mask never is")
  func faults() throws {
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: "\(data)/JPEGImages/train-000005.jpg"))
    let result = try runProgram(
      ["train"] + configuration() + ["--output", folder.file("faults")],
      environment: environment)
    #expect(result.exitCode == 0, "\(result)")
    #expect(
      result.errorLines("warning: ").contains { $0.contains("train-000005.jpg") && $0.contains("; dropped") },
      "\(result)")
  }

  @Test("predict takes images larger than the canvas as they are, and knows no scores")
  func largeImages() throws {
    let run = folder.file("brief")
    let trained = try runProgram(
      ["train"] + configuration(["train.length=1 step"]) + ["--output", run], environment: environment)
    #expect(trained.exitCode == 0, "\(trained)")
    let picture = folder.file("large.jpg")
    try writeFile(RGBImage(width: 150, height: 40, red: 200, green: 10, blue: 90).jpegFile(), to: picture)
    let arguments = ["predict", "--checkpoint", run, "--output", folder.file("large")]
    let predicted = try runProgram(arguments + [picture], environment: environment)
    #expect(predicted.exitCode == 0, "\(predicted)")
    let mask = try mask(folder.file("large/large-classes.png"))
    #expect(mask.width == 150 && mask.height == 40)
    try runProgram(arguments + ["--draw-from", "0.5", picture], environment: environment)
      .expectError(64, ["--draw-from", "no scores"])
  }
}
