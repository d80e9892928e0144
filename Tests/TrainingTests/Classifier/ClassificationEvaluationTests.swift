import Foundation
import TestSupport
import Testing

@testable import Datasets
@testable import Training

/// Oracle: figures counted by hand.
@Suite struct ClassificationEvaluationTests {
  private func result(_ label: Int, _ logits: [Float]) -> ClassificationEvaluation.ImageResult {
    ClassificationEvaluation.ImageResult(index: 0, label: label, logits: ([9] + logits)[1...])
  }

  private func evaluation(
    _ results: [ClassificationEvaluation.ImageResult], classNames: [String]
  ) throws -> ClassificationEvaluation {
    let images = LabeledImages(channels: 1, height: 2, width: 2, pixels: [0, 0, 0, 0], labels: [0])
    let configuration = try Configuration(text: "model: {name: customnet}\ndata: {kind: mnist}\n", name: "test")
    return ClassificationEvaluation(
      results: results, dataset: ClassificationDataset(images, name: "test", classNames: classNames),
      transform: configuration.classificationTransform, seconds: 1)
  }

  @Test("the likeliest class is the first of the largest logits, whatever the own one")
  func likeliest() {
    let logits: [Float] = [1, 3, 2, 3, -.infinity]
    #expect((0..<5).map { result($0, logits).likeliest } == [1, 1, 1, 1, 1])
    #expect(result(0, [.nan, 1]).likeliest == 1)
    #expect(result(0, [.nan, .nan]).likeliest == nil)
    #expect(result(1, [.nan, 1]).likeliest == 1)
  }

  @Test("the rank counts likelier classes, and of equal ones those in front")
  func rank() {
    let logits: [Float] = [1, 3, 2, 3, -.infinity]
    #expect((0..<5).map { result($0, logits).rank } == [3, 0, 2, 1, 4])
    #expect(result(0, [.nan, 1]).rank == 2)
    #expect(result(1, [.nan, 1]).rank == 0)
  }

  @Test("the loss is the cross-entropy, also of logits whose exponentials overflow")
  func loss() {
    #expect(abs(result(2, [0, 0, 0, 0]).loss - log(4.0)) < 1e-15)
    #expect(abs(result(0, [1000, 999]).loss - log1p(exp(-1.0))) < 1e-12)
    #expect(abs(result(1, [1000, 0]).loss - 1000) < 1e-12)
  }

  @Test("top-1, top-5, the mean loss and each class's share")
  func figures() throws {
    let seven: [Float] = [7, 6, 5, 4, 3, 2, 1]
    let evaluation = try evaluation(
      [result(0, seven), result(0, seven.reversed()), result(4, seven), result(5, seven), result(6, seven)],
      classNames: (0..<8).map { "class \($0)" })
    let figures = Dictionary(uniqueKeysWithValues: evaluation.figures.map { ($0.name, $0.value) })
    #expect(figures["top1"] == 0.2 && figures["top5"] == 0.4 && evaluation.decisive == 0.2)
    let losses = [7, 1, 3, 2, 1].map { log((1...7).reduce(0) { $0 + exp(Double($1)) }) - $0 }
    #expect(abs((figures["val_loss"] ?? 0) - losses.reduce(0, +) / 5) < 1e-12)
    #expect(evaluation.classFigures.map(\.value) == [0.5, -1, -1, -1, 0, 0, 0, -1])

    let folder = try TemporaryDirectory("figures")
    try evaluation.writeFigures(to: folder.file("metrics.json"))
    let json = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder.file("metrics.json"))))
        as? [String: Any])
    #expect(json["images"] as? Int == 5 && json["top1"] as? Double == 0.2 && json["top5"] as? Double == 0.4)
  }

  @Test("logits that are not finite give figures without a loss, which JSON could not say")
  func notFinite() throws {
    let evaluation = try evaluation(
      [result(0, [-.infinity, .infinity]), result(0, [2, 1])], classNames: ["a", "b"])
    let folder = try TemporaryDirectory("figures")
    try evaluation.writeFigures(to: folder.file("metrics.json"))
    let json = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: folder.file("metrics.json"))))
        as? [String: Any])
    #expect(json["top1"] as? Double == 0.5 && json["val_loss"] == nil)
  }
}
