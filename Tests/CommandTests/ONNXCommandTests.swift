import Checkpoints
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Models that leave the program as ONNX, with the program itself.
///
/// Oracle: what `predict` finds in pictures, compared with onnxruntime by `Tests/Goldens/check_onnx.py`.
@Suite(.serialized) struct ONNXCommandTests {
  private let folder: TemporaryDirectory

  init() throws { folder = try TemporaryDirectory("onnx-command") }

  /// A file of weights by the rule of golden files, and its configuration, for a model with these settings.
  private func weights(_ model: String) throws -> (weights: String, configuration: String) {
    let configuration = try folder.write(
      """
      input: {size: [64, 96]}
      model: \(model)
      planner: {algorithms: direct}

      """, to: "model.yaml")
    let description = folder.file("model.json")
    let inspected = try runProgram(["inspect", "--config", configuration, "--json", description])
    try #require(inspected.exitCode == 0, "\(inspected)")
    let content = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: description)))
    let tensors = try #require((content as? [String: Any])?["tensors"] as? [[String: Any]])
    let rule = GoldenInitialization(seed: 3)
    let file = folder.file("model.safetensors")
    try writeSafetensors(
      tensors.map {
        let (name, shape) = (try #require($0["name"] as? String), try #require($0["shape"] as? [Int]))
        return TensorToWrite(name, shape: shape, rule.calmParameter(name, shape: shape))
      }, to: file,
      metadata: ["classes": ClassList((0..<4).map { ClassList.Entry(name: "kind \($0)", id: 3 * $0 + 1) }).json])
    return (file, configuration)
  }

  /// Two pictures of the model's size, of overlapping rings of colour.
  private func pictures() throws -> [String] {
    try (1...2).map { number in
      var picture = RGBImage(width: 96, height: 64)
      for y in 0..<64 {
        for x in 0..<96 {
          let distance = (x - 30 * number) * (x - 30 * number) + (y - 20) * (y - 20)
          for channel in 0..<3 {
            picture.pixels[(y * 96 + x) * 3 + channel] = UInt8((distance / (7 + 5 * channel) + x * number) % 256)
          }
        }
      }
      let path = folder.file("picture-\(number).png")
      try picture.write(to: path)
      return path
    }
  }

  @Test(
    "onnxruntime finds in pictures what predict finds",
    .enabled(if: PythonEnvironment.runsONNX, Comment(rawValue: PythonEnvironment.onnxReason)),
    arguments: ["paper", "torchvision"], [[], ["--fold-batch-norm"]])
  func predictions(form: String, options: [String]) throws {
    let (weights, configuration) = try weights("{form: \(form), depth: 18, classes: 4}")
    let (model, pictures) = (folder.file("model.onnx"), try pictures())
    let source = ["--checkpoint", weights, "--config", configuration, "--set", "input.evaluation.size=[64, 96]"]
    let exported = try runProgram(["export", "--format", "onnx", "--decode", "--output", model] + source + options)
    #expect(exported.exitCode == 0 && exported.output.contains("operators -> "), "\(exported)")
    let predicted = try runProgram(["predict", "--output", folder.file("found")] + source + pictures)
    #expect(predicted.exitCode == 0, "\(predicted)")
    let results = try JSONSerialization.jsonObject(
      with: Data(contentsOf: URL(fileURLWithPath: folder.file("found/results.json"))))
    #expect(try #require(results as? [Any]).count > 50, "too few detections to say anything")
    let checked = try PythonEnvironment.onnx.get().run(
      script: "check_onnx.py",
      ["--model", model, "--results", folder.file("found/results.json"), "--images"] + pictures)
    #expect(checked.exitCode == 0 && checked.output.contains("agrees"), "\(checked)")
  }

  @Test(
    "boxes of a classifier are code 64; its model has the size that is asked for and says how images are normalised")
  func classifier() throws {
    let (weights, configuration) = try weights("{name: resnet, depth: 18, classes: 4}")
    let arguments = [
      "export", "--checkpoint", weights, "--config", configuration, "--format", "onnx", "--output",
      folder.file("m.onnx"),
    ]
    try runProgram(arguments + ["--decode"]).expectError(
      64, ["--decode: expected a checkpoint of a detector", "resnet"])
    #expect(!FileManager.default.fileExists(atPath: folder.file("m.onnx")))
    let exported = try runProgram(arguments + ["--size", "32x48", "--batch", "3"])
    #expect(exported.exitCode == 0, "\(exported)")
    // The resolved configuration is in the metadata, with the size that was asked for.
    let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("m.onnx")))
    for text in ["size: [32, 48]", "normalization.mean", "[0.485, 0.456, 0.406]", "kind 3"] {
      #expect(bytes.range(of: Data(text.utf8)) != nil, "no \(text)")
    }
  }
}
