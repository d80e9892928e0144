import Checkpoints
import Foundation
import TestSupport
import Testing

/// A classifier from its files to its figures, with the program itself.
@Suite(.serialized) struct ClassifierTests {
  private let trial: TaskTrial
  private var folder: TemporaryDirectory { trial.folder }
  private var environment: [String: String] { trial.environment }

  init() throws { trial = try TaskTrial("classifier") }

  /// CIFAR-10 in miniature: each class is a brightness, with a pattern that tells pictures apart.
  private func writeCIFAR(_ name: String, count: Int, classes: Int = 10) throws {
    var bytes: [UInt8] = []
    for record in 0..<count {
      let label = record * 7 % classes
      bytes.append(UInt8(label))
      for place in 0..<3072 { bytes.append(UInt8(20 + 22 * label + (place * (record + 3) >> 3) % 16)) }
    }
    try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
  }

  /// A small network on it; what `more` says comes last.
  private func configuration(model: String = "resnet, form: paper, depth: 18", _ more: [String] = []) throws -> [String]
  {
    let text = """
      name: tiny-classifier
      data:
        kind: cifar10
        root: \(folder.path)
        train: {files: [\(folder.file("train.bin"))]}
        val: {files: [\(folder.file("val.bin"))]}
      input: {size: 32, crop: pad, crop_padding: 2}
      model: {name: \(model), classes: 10}
      dropblock: {groups: [3, 4], block_size: 3, keep_prob: 0.9}
      batch: {global: 8}
      optimizer: {kind: rmsprop, average_decay: 0.9}
      learning_rate: {peak: 0.001, reference_batch: null, warmup: 2 steps, warmup_start: 0, schedule: cosine}
      train: {length: 6 steps, checkpoint_every: 2 steps, log_every: 1}
      planner: {algorithms: direct}
      threads_per_rank: 1

      """
    return try ["--config", folder.write(text, to: "tiny.yaml")] + more.flatMap { ["--set", $0] }
  }

  @Test("a run on two ranks is evaluated on any number of ranks with the same figures, and restarts exactly")
  func run() throws {
    try writeCIFAR("train.bin", count: 40)
    try writeCIFAR("val.bin", count: 23)
    let (whole, _) = try trial.exactlyRestarted(configuration())
    let rows = try trial.rows(whole)
    #expect(rows.count(where: { $0["accuracy"] != nil && $0["loss"] != nil && $0["keep_prob"] != nil }) == 6)
    let last = try #require(rows.last { $0["top1"] != nil })
    #expect(last["step"] as? Int == 6)

    // The averages are what was evaluated; 23 images do not divide by any of these numbers of ranks.
    let figures = try trial.figures(whole)
    #expect(figures.values["images"] as? Int == 23)
    #expect(figures.values["top1"] as? Double == last["top1"] as? Double)
    #expect(abs((figures.values["val_loss"] as? Double ?? 0) - (last["val_loss"] as? Double ?? 1)) < 1e-12)

    let exported = try runProgram(
      ["export", "--checkpoint", whole, "--output", folder.file("model.safetensors")], environment: environment)
    #expect(exported.exitCode == 0, "\(exported)")
    // A matrix, as PyTorch has it, which is the weight of the same layer when it is read again.
    let weights = try SafetensorsFile(path: folder.file("model.safetensors"))
    #expect(weights.entry(named: "fc.weight")?.shape == [10, 512])
    // The averages are also what a model in ONNX has.
    let onnx = try runProgram(
      ["export", "--checkpoint", whole, "--format", "onnx", "--output", folder.file("model.onnx")],
      environment: environment)
    #expect(onnx.exitCode == 0, "\(onnx)")
    let averages = try weights.floats(named: "fc.weight").withUnsafeBytes { Data($0) }
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("model.onnx"))).range(of: averages) != nil)
    let again = try runProgram(
      ["evaluate", "--checkpoint", folder.file("model.safetensors")] + configuration()
        + ["--json", folder.file("again.json")], environment: environment)
    #expect(again.exitCode == 0, "\(again)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("again.json"))) == figures.bytes)
    // Also with a configuration that does not speak of averages in place of the run's own.
    let replaced = try runProgram(
      ["evaluate", "--checkpoint", whole] + configuration(["optimizer.average_decay=null"])
        + ["--json", folder.file("replaced.json")], environment: environment)
    #expect(replaced.exitCode == 0, "\(replaced)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("replaced.json"))) == figures.bytes)
    let predicted = try runProgram(
      ["predict", "--checkpoint", whole, "--output", folder.file("boxes"), "a.jpg"], environment: environment)
    #expect(predicted.exitCode == 78 && predicted.errorOutput.contains("expected a checkpoint of a detector"))
  }

  @Test("a network learns what can be learnt: brightness tells the classes apart")
  func learns() throws {
    try writeCIFAR("train.bin", count: 120, classes: 3)
    try writeCIFAR("val.bin", count: 30, classes: 3)
    let run = folder.file("learns")
    let result = try runProgram(
      ["train"]
        + configuration(
          model: "customnet",
          [
            "optimizer.kind=adam", "optimizer.average_decay=null", "dropblock.groups=[]", "train.length=40 steps",
            "batch_norm.decay=0.8", "train.checkpoint_every=40 steps",
          ]) + ["--output", run], environment: environment)
    #expect(result.exitCode == 0, "\(result)")
    let top1 = try trial.rows(run).last { $0["top1"] != nil }?["top1"] as? Double
    #expect((top1 ?? 0) > 0.9, "top-1 \(top1 ?? -1): guessing gives 0.33")
  }

  @Test(
    "a mistake in the data ends every rank with one message and its code",
    arguments: [
      ("short", ["data.train.files=[short.bin]"], 65, "expected a whole number of CIFAR-10 records"),
      ("missing", ["data.train.files=[missing.bin]"], 66, "missing.bin"),
      ("labels", ["model.classes=4"], 65, "set model.classes to 10"),
      ("kind", ["data.kind=coco"], 78, "expected image_folder, cifar10 or mnist"),
      ("detector", ["model.name=retinanet", "input.crop=pad"], 78, "input.crop: only a classifier knows it"),
      ("mnist", ["data.kind=mnist"], 66, "idx"),
    ] as [(String, [String], Int32, String)])
  func mistakes(name: String, settings: [String], code: Int32, message: String) throws {
    try writeCIFAR("train.bin", count: 16)
    try writeCIFAR("val.bin", count: 8)
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder.file("short.bin")))
    let result = try runProgram(
      ranks: 2,
      ["train"] + configuration(settings.map { $0.replacing("[", with: "[\(folder.path)/") })
        + ["--output", folder.file(name)], environment: environment)
    #expect(result.exitCode == code, "\(result)")
    #expect(result.errorOutput.contains(message), "\(result)")
    #expect(result.errorOutput.components(separatedBy: "error: ").count == 2, "one message: \(result)")
  }
}
