import Detection
import Foundation
import Graph
import Tensors
import TestSupport
import Testing

@testable import Datasets
@testable import Distributed
@testable import Training

/// A detector's losses on validation pictures against torchvision's own and the paper's; `Tests/Goldens/validation_loss.py`.
@Suite(.serialized) struct ValidationLossGoldenTests {
  static let forms: [ModelForm] = [.torchvision, .paper]

  /// The pictures of a form with the losses of each.
  private struct Case {
    let source: GoldenDetector
    let engine = Engine()
    let weights: ParameterStore
    /// Class and box loss, picture by picture.
    let losses: [[Double]]

    init(_ form: ModelForm) throws {
      let batchNorm: Configuration.BatchNormMode =
        switch form {
        case .torchvision: .frozen
        case .paper: .trained
        }
      source = try GoldenDetector("validation-loss-\(form.rawValue)", form: form, batchNorm: batchNorm)
      let (graph, _) = source.detector.inferenceGraph(height: 64, width: 64)
      weights = Plan(graph, engine: engine, mode: .inference, policy: .direct).parameters
      try source.fill(weights)
      let flat = try source.golden.floats(named: "losses").map(Double.init)
      losses = stride(from: 0, to: flat.count, by: 2).map { [flat[$0], flat[$0 + 1]] }
    }

    /// The objects of a picture as its annotations have them.
    func objects(_ picture: Int) throws -> KnownObjects {
      let boxes = try source.boxes(of: picture).map { SIMD4($0.x1, $0.y1, $0.x2, $0.y2) }
      let classes = boxes.isEmpty ? [] : try source.golden.integers(named: "labels.\(picture)").map { Int($0) }
      return KnownObjects(boxes: boxes, classes: classes)
    }
  }

  @Test("each picture's losses are within 1e-4, also those of one without objects", arguments: forms)
  func pictures(form: ModelForm) throws {
    let subject = try Case(form)
    let judge = Predictor(subject.source.detector, engine: subject.engine, store: subject.weights, withLosses: true)
    let predictor = Predictor(subject.source.detector, engine: subject.engine, store: subject.weights)
    #expect(subject.losses.count == 3)
    for (number, expected) in subject.losses.enumerated() {
      let (picture, objects) = (
        try subject.source.picture(named: "picture.\(number)"), try subject.objects(number)
      )
      let (detections, losses) = try judge.judge(picture, objects)
      for (loss, truth) in zip([losses.classLoss, losses.boxLoss], expected) {
        #expect(abs(loss - truth) <= 1e-4 * truth, "picture \(number): \(loss), not \(truth)")
      }
      #expect(objects.boxes.isEmpty == (expected[1] == 0))
      let plain = try predictor.detections(in: picture)
      #expect(plain.map(\.score) == detections.map(\.score) && plain.map(\.box) == detections.map(\.box))
    }
  }

  @Test("an evaluation has the means over all pictures; crowds do not count", arguments: forms)
  func evaluation(form: ModelForm) throws {
    let subject = try Case(form)
    let folder = try TemporaryDirectory("validation-loss")
    let evaluation = try #require(try evaluate(subject, in: folder))
    let means = (0..<2).map { part in subject.losses.reduce(0) { $0 + $1[part] } / 3 }
    let expected = [("val_loss", means[0] + means[1]), ("val_loss_class", means[0]), ("val_loss_box", means[1])]
    let figures = Array(evaluation.figures.suffix(3))
    #expect(figures.map(\.name) == expected.map(\.0))
    for ((name, value), (_, truth)) in zip(figures, expected) {
      #expect(abs(value - truth) < 1e-4 * truth, "\(name): \(value), not \(truth)")
    }
    let json = try figuresOnDisk(evaluation, in: folder)
    // `JSONSerialization` may lose a last bit.
    for (name, value) in figures { #expect(abs((json[name] as? Double ?? -1) - value) < 1e-14 * value, "\(name)") }
    #expect(json["images"] as? Int == 3 && (json["stats"] as? [String: Double])?.count == 12)
  }

  @Test("a loss that is not finite is left out of the JSON, which cannot say it")
  func notFinite() throws {
    let subject = try Case(.paper)
    let bias = "head.classification_head.cls_logits.bias"
    subject.weights.write(bias, .value, subject.weights.read(bias).map { _ in .nan })
    let folder = try TemporaryDirectory("validation-loss")
    let evaluation = try #require(try evaluate(subject, in: folder))
    #expect(evaluation.losses.loss.isNaN)
    let json = try figuresOnDisk(evaluation, in: folder)
    #expect(
      json["val_loss"] == nil && json["val_loss_class"] == nil && json["val_loss_box"] is Double && json["stats"] != nil
    )
  }

  /// What an evaluation of the pictures finds, which it writes into a folder with annotations that have more than counts.
  private func evaluate(_ subject: Case, in folder: TemporaryDirectory) throws -> DetectionEvaluation? {
    var (images, annotations): ([String], [String]) = ([], [])
    /// The identifier of a class's category.
    func category(_ number: Int) -> Int {
      switch subject.source.detector.form {
      case .torchvision: number
      case .paper: number + 1
      }
    }
    func annotate(_ image: Int, _ corners: SIMD4<Float>, _ number: Int, isCrowd: Bool = false) {
      let size = SIMD2(corners[2] - corners[0], corners[3] - corners[1])
      annotations.append(
        #"{"id": \#(annotations.count + 1), "image_id": \#(image), "category_id": \#(category(number)), "#
          + #""iscrowd": \#(isCrowd ? 1 : 0), "area": \#(size[0] * size[1]), "#
          + #""bbox": [\#(corners[0]), \#(corners[1]), \#(size[0]), \#(size[1])]}"#)
    }
    for number in subject.losses.indices {
      let (picture, objects) = (
        try subject.source.picture(named: "picture.\(number)"), try subject.objects(number)
      )
      try picture.write(to: folder.file("\(number).png"))
      images.append(
        #"{"id": \#(number), "file_name": "\#(number).png", "width": \#(picture.width), "height": \#(picture.height)}"#)
      for (box, kind) in zip(objects.boxes, objects.classes) { annotate(number, box, kind) }
      annotate(number, SIMD4(2, 2, 40, 30), 1, isCrowd: true)
    }
    let categories = (0..<5).map { #"{"id": \#(category($0)), "name": "c\#($0)"}"# }
    try folder.write(
      #"{"images": [\#(images.joined(separator: ", "))], "annotations": [\#(annotations.joined(separator: ", "))], "#
        + #""categories": [\#(categories.joined(separator: ", "))]}"#, to: "instances.json")

    var configuration = subject.source.detector.configuration
    configuration.data.kind = .coco
    configuration.data.root = folder.path
    configuration.data.validation.annotations = folder.file("instances.json")
    configuration.data.validation.images = folder.path
    let communicator = Communicator(aloneOn: "here", deadlineSeconds: 60)
    let evaluator = try Detector(configuration).openEvaluator(
      engine: subject.engine, store: subject.weights, classes: nil, communicator: communicator)
    return try evaluator.evaluate(dropBlock: .off, communicator: communicator, isStopped: { false })
  }

  private func figuresOnDisk(_ evaluation: DetectionEvaluation, in folder: TemporaryDirectory) throws -> [String: Any] {
    try evaluation.writeFigures(to: folder.file("figures.json"))
    let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("figures.json")))
    return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
  }
}
