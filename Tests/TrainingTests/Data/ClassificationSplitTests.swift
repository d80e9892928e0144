import Foundation
import TestSupport
import Tensors
import Testing

@testable import Datasets
@testable import Training

/// Data sets in miniature, found and opened as a configuration says.
struct ClassificationSplitTests {
  private func configuration(_ folder: TemporaryDirectory, _ overrides: String...) throws -> Configuration {
    try Configuration(
      text: "model: {name: resnet, depth: 18, classes: 10}\ninput: {size: 32, crop: pad}\n", name: "mini.yaml",
      overrides: ["data.root=\(folder.path)"] + overrides)
  }

  private func error(_ name: ClassificationSplit.Name, _ configuration: Configuration) -> InputError? {
    thrown(InputError.self) { try ClassificationSplit(name, of: configuration) }
  }

  /// A file of CIFAR-10 with pictures of these classes.
  private func records(_ labels: UInt8...) -> [UInt8] {
    labels.flatMap { [$0] + [UInt8](repeating: 10 * $0, count: 3072) }
  }

  @Test("CIFAR-10 comes from its five files and the test file, or from those that are named")
  func cifar() throws {
    let folder = try TemporaryDirectory("cifar")
    for number in 1...5 { try folder.write(records(UInt8(number), 9), to: "data_batch_\(number).bin") }
    try folder.write(records(3, 2, 1), to: "test_batch.bin")
    let plain = try configuration(folder, "data.kind=cifar10")
    let training = try ClassificationSplit(.train, of: plain).dataset
    #expect((0..<training.count).map { training.label(at: $0) } == [1, 9, 2, 9, 3, 9, 4, 9, 5, 9])
    #expect(training.classNames.count == 10 && training.channels == 3)
    #expect(try ClassificationSplit(.validation, of: plain).dataset.countsOfClasses == [0, 1, 1, 1, 0, 0, 0, 0, 0, 0])

    // A compressed file takes the place of one that is missing; a list, and one path, take the place of all.
    let zipped = try run(["gzip", folder.file("test_batch.bin")])
    #expect(zipped.exitCode == 0, "\(zipped)")
    #expect(try ClassificationSplit(.validation, of: plain).dataset.count == 3)
    let named = try configuration(
      folder, "data.kind=cifar10",
      "data.train.files=[\(folder.path)/data_batch_5.bin, \(folder.path)/data_batch_2.bin]",
      "data.val.files=\(folder.path)/data_batch_1.bin")
    let two = try ClassificationSplit(.train, of: named).dataset
    #expect((0..<two.count).map { two.label(at: $0) } == [5, 9, 2, 9])
    #expect(try ClassificationSplit(.validation, of: named).dataset.count == 2)
    // What is written to the run directory reads back as the same.
    #expect(try Configuration(text: named.yaml, name: "again.yaml") == named)

    try FileManager.default.removeItem(atPath: folder.file("data_batch_3.bin"))
    let missing = error(.train, plain)
    #expect(missing?.exitCode == .missingFile)
    #expect(missing?.description.contains("data_batch_3.bin") == true)
    #expect(missing?.description.hasSuffix("data.root or data.train.files says where it lies") == true)
    let few = error(.validation, try configuration(folder, "data.kind=cifar10", "model.classes=3"))
    #expect(few?.exitCode == .badData && few?.description.contains("class of picture 0: expected 0 to 2") == true)
    try folder.write(Array(records(1).dropLast()), to: "data_batch_3.bin")
    #expect(error(.train, plain)?.exitCode == .badData)
  }

  @Test("MNIST comes from LeCun's names, plain or compressed, or from those that are named")
  func mnist() throws {
    let folder = try TemporaryDirectory("mnist")
    let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3] + Array(1...12)
    let labels: [UInt8] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 0]
    for (kind, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
      try folder.write(bytes, to: "train-\(kind)-ubyte")
      try folder.write(bytes, to: "t10k-\(kind)-ubyte")
      let zipped = try run(["gzip", folder.file("t10k-\(kind)-ubyte")])
      #expect(zipped.exitCode == 0, "\(zipped)")
    }
    let plain = try configuration(folder, "data.kind=mnist")
    for name in [ClassificationSplit.Name.train, .validation] {
      let dataset = try ClassificationSplit(name, of: plain).dataset
      #expect(dataset.count == 2 && dataset.channels == 1 && dataset.label(at: 0) == 7)
    }
    let swapped = error(
      .train, try configuration(folder, "data.kind=mnist", "data.train.images=\(folder.path)/train-labels-idx1-ubyte"))
    #expect(swapped?.exitCode == .badData && swapped?.description.contains("expected 00 00 08 03") == true)
    #expect(plain.classificationTransform.mean == SIMD3(repeating: 0.1307))
    let own = try configuration(folder, "data.kind=mnist", "input.mean=[0.5]", "input.deviation=[0.25]")
    #expect(own.classificationTransform.deviation == SIMD3(repeating: 0.25))
  }

  @Test("class folders: validation has the classes of training, the model at least as many")
  func folders() throws {
    let folder = try TemporaryDirectory("folders")
    func add(_ place: String) throws {
      try FileManager.default.createDirectory(atPath: folder.file(place), withIntermediateDirectories: true)
      try RGBImage(width: 9, height: 7).write(to: folder.file("\(place)/1.png"))
    }
    for place in ["train/n1", "train/n2", "val/n1", "val/n2"] { try add(place) }
    let plain = try configuration(folder, "data.kind=image_folder")
    #expect(try ClassificationSplit(.train, of: plain).dataset.classNames == ["n1", "n2"])
    #expect(try ClassificationSplit(.validation, of: plain).dataset.label(at: 1) == 1)
    let few = error(.train, try configuration(folder, "data.kind=image_folder", "model.classes=1"))
    #expect(few?.exitCode == .badData && few?.description.contains("has 2 classes, the model has 1") == true)
    try add("val/n3")
    let unknown = error(.validation, plain)
    #expect(
      unknown?.description.contains(
        "class n3: expected one of the classes of the training images in \(folder.path)/train")
        == true)
    #expect(unknown?.description.contains("/train: n1, n2\n") == true)
    #expect(unknown?.description.contains("/val: n1, n2, n3\n") == true)
    let elsewhere = try configuration(folder, "data.kind=image_folder", "data.train.images=/nowhere")
    #expect(try ClassificationSplit(.validation, of: elsewhere).dataset.count == 3)
    let missing = error(.train, elsewhere)
    #expect(missing?.exitCode == .missingFile)
    #expect(missing?.description.hasSuffix("data.root or data.train.images says where it lies") == true)
  }

  @Test("a class of training without images is error 65 with advice that works; validation may lack any of them")
  func emptyClasses() throws {
    let folder = try TemporaryDirectory("empty")
    for place in ["train/n1", "train/n2", "train/n3", "val/n1", "val/n2", "val/n3"] {
      try FileManager.default.createDirectory(atPath: folder.file(place), withIntermediateDirectories: true)
      if place == "train/n2" || place == "val/n2" { continue }
      try RGBImage(width: 9, height: 7).write(to: folder.file("\(place)/1.png"))
    }
    let plain = try configuration(folder, "data.kind=image_folder")
    let empty = error(.train, plain)
    #expect(empty?.exitCode == .badData)
    #expect(empty?.description.hasPrefix("\(folder.path)/train/n2: expected images (") == true)
    #expect(empty?.description.hasSuffix("remove the folder and \(folder.path)/val/n2") == true)
    let validation = try ClassificationSplit(.validation, of: plain).dataset
    #expect(validation.countsOfClasses == [1, 0, 1] && validation.classNames[1] == "n2")
    try FileManager.default.removeItem(atPath: folder.file("val/n2"))
    #expect(try ClassificationSplit(.validation, of: plain).dataset.countsOfClasses == [1, 0, 1])
    #expect(error(.train, plain)?.description.hasSuffix("or remove the folder") == true)

    // Having done what the message says is enough.
    try FileManager.default.removeItem(atPath: folder.file("train/n2"))
    #expect(try ClassificationSplit(.train, of: plain).dataset.countsOfClasses == [1, 1])
    #expect(try ClassificationSplit(.validation, of: plain).dataset.countsOfClasses == [1, 1])
    // A run that goes on has the classes that it began with.
    let before = ExpectedClasses(ClassList(names: ["n1", "n2", "n3"]), at: "the checkpoint")
    let gone = thrown(InputError.self) { try ClassificationSplit(.train, of: plain, matching: before) }
    #expect(gone?.exitCode == .badData && gone?.description.contains("class n2: expected as in the checkpoint") == true)
    let many = thrown(InputError.self) {
      try ClassificationSplit(
        .validation, of: configuration(folder, "data.kind=image_folder", "model.classes=2"), matching: before)
    }
    #expect(many?.description.contains("the checkpoint: has 3 classes, the model has 2") == true)
  }

  @Test("a classifier wants a classification data set and a detector one of its own, else error 78")
  func kinds() throws {
    let folder = try TemporaryDirectory("kinds")
    let wrong = error(.train, try configuration(folder, "data.kind=shapes"))
    #expect(wrong?.exitCode == .badConfiguration)
    #expect(wrong?.description.contains("expected image_folder, cifar10 or mnist with model.name resnet") == true)
    let detector = try Configuration(text: "data: {kind: mnist}\n", name: "d.yaml")
    let other = thrown(InputError.self) { try DetectionSplit(.train, of: detector) }
    #expect(other?.description.contains("expected coco or shapes with model.name retinanet, got mnist") == true)
  }

  @Test("the transform is what the configuration says")
  func transform() throws {
    let folder = try TemporaryDirectory("transform")
    let text = """
      model: {name: resnet, classes: 5}
      input: {size: [96, 128], crop: random_resized, crop_area_min: 0.25, flip: 0.25, auto_augment: true, cutout: 16,
        interpolation: bilinear, mean: [0.5], deviation: [0.1, 0.2, 0.3], evaluation: {crop_fraction: 0.75}}
      """
    let transform = try Configuration(text: text, name: "t.yaml").classificationTransform
    var expected = ClassificationTransform(height: 96, width: 128)
    (expected.crop, expected.flipProbability) = (.randomResized(minimumArea: 0.25), 0.25)
    (expected.usesAutoAugment, expected.cutout, expected.filter) = (true, 16, .bilinear)
    (expected.mean, expected.deviation) = (SIMD3(repeating: 0.5), SIMD3(0.1, 0.2, 0.3))
    expected.evaluationFraction = 0.75
    #expect(transform == expected)
    #expect(try configuration(folder).classificationTransform.crop == .pad(4))
    // What detection had before there were keys for it.
    let detector = Detector(try Configuration(text: "", name: "d.yaml"))
    for transform in [detector.configuration.scaleJitter, detector.evaluationTransform] {
      #expect(transform.mean == ImageTransform(.paper(size: 64, scale: 1...1)).mean)
      #expect(transform.deviation == ImageTransform(.paper(size: 64, scale: 1...1)).deviation)
    }
  }
}
