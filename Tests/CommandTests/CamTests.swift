import Checkpoints
import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// Oracles: the mean of a map and the bias are the logit, the logits' softmax the probability; sizes by hand.
@Suite(.serialized) struct CamTests {
  /// Two classifiers of different networks and input sizes, trained for two steps on the same class folders.
  private struct Classifiers {
    let space: Workspace
    /// A ResNet-18 for inputs of 64x96, whose last map is 2x3.
    var resnet: String { space.folder.file("resnet") }
    /// The study's DenseNet for inputs of 64x64, whose last map is 2x2.
    var densenet: String { space.folder.file("densenet") }
    /// The small network of the study.
    var customnet: String { space.folder.file("customnet") }

    init() throws {
      space = try Workspace()
      try space.writeClassFolders()
      for (name, more) in [
        ("resnet", ["model.depth=18", "input.size=[64, 96]"]), ("densenet", ["input.size=64"]), ("customnet", []),
      ] {
        let settings = ["model.name=\(name)", "model.classes=2"] + more
        let trained = try space.program(
          ranks: 1,
          space.classify("image_folder") + settings.flatMap { ["--set", $0] } + ["--output", space.folder.file(name)])
        try #require(trained.exitCode == 0, "\(trained)")
      }
    }

    /// Arguments that draw maps of both networks for pictures of the validation set.
    func cam(_ more: [String], pictures: [Int] = [1, 4]) -> [String] {
      ["cam", "--checkpoint", "plain=\(resnet)", "--checkpoint", densenet, "--output", space.folder.file("maps")] + more
        + pictures.map { space.picture("val", $0) }
    }
  }

  private struct Record: Decodable {
    let checkpoint: String
    let checkpoint_path: String
    let picture: String
    let tensor: String
    let `class`: String
    let class_number: Int
    let logit: Double
    let probability: Double
  }

  private func records(_ folder: String) throws -> [Record] {
    try JSONDecoder().decode([Record].self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/cam.json")))
  }

  @Test(
    "maps of two networks for two pictures are drawn on one sheet and written, with classes and their probabilities")
  func maps() throws {
    let classifiers = try Classifiers()
    let space = classifiers.space
    let folder = space.folder.file("maps")
    let result = try space.program(ranks: 1, classifiers.cam([]))
    #expect(result.exitCode == 0 && result.errorLines("warning: ").isEmpty, "\(result)")

    let reader = ImageReader()
    // Cells of 96x64 become 384x256; a row for the pictures and one for each network.
    let blank = PictureSheet.Cell(RGBImage(width: 96, height: 64))
    let sheet = PictureSheet(
      columns: ["000001", "000004"],
      rows: ["picture", "plain", "densenet"].map { PictureSheet.Row($0, [blank, blank]) })
    let size = try reader.read("\(folder)/cam.png")
    #expect(size == sheet.size && sheet.cellSize == (384, 256))
    // The rows with maps have jet's colours, that of the pictures has not.
    let image = reader.image
    func colors(row: Int) -> Set<[UInt8]> {
      let (left, top) = sheet.corner(row: row, column: 0)
      return Set(
        (top..<top + 256).flatMap { y in
          (left..<left + 384).map { x in Array(image.pixels[(y * image.width + x) * 3..<(y * image.width + x) * 3 + 3])
          }
        })
    }
    #expect((0..<3).allSatisfy { colors(row: $0).count > 100 })
    #expect(colors(row: 0) != colors(row: 1) && colors(row: 1) != colors(row: 2))

    let records = try records(folder)
    #expect(records.map(\.checkpoint) == ["plain", "plain", "densenet", "densenet"])
    #expect(
      records.map(\.checkpoint_path) == [
        classifiers.resnet, classifiers.resnet, classifiers.densenet, classifiers.densenet,
      ])
    #expect(records.map(\.picture) == [1, 4, 1, 4].map { space.picture("val", $0) })
    #expect(records.map(\.tensor) == ["plain/000001", "plain/000004", "densenet/000001", "densenet/000004"])
    let maps = try SafetensorsFile(path: "\(folder)/cam.safetensors")
    #expect(Set(maps.names) == Set(records.map(\.tensor)))
    var means: [Double] = []
    for record in records {
      #expect(["a", "b"][record.class_number] == record.class && record.probability >= 0.5)
      let isResNet = record.checkpoint == "plain"
      #expect(maps.entry(named: record.tensor)?.shape == (isResNet ? [2, 3] : [2, 2]))
      let values = try maps.floats(named: record.tensor)
      means.append(values.reduce(0) { $0 + Double($1) } / Double(values.count))
      let model = try SafetensorsFile(path: "\(record.checkpoint_path)/checkpoints/latest/model.safetensors")
      let bias = try model.floats(named: isResNet ? "fc.bias" : "classifier.bias")[record.class_number]
      let distance = abs(means[means.count - 1] + Double(bias) - record.logit)
      #expect(distance < 1e-4 * max(1, abs(record.logit)), "\(record) has a mean of \(means[means.count - 1])")
    }
    #expect(Set(means).count == 4, "\(means)")
    for record in records {
      let line = "\(record.checkpoint): \(record.picture): \(record.class) 0."
      #expect(result.output.contains(line) || result.output.contains(line.replacing(" 0.", with: " 1.")), "\(result)")
    }

    // The same class by name and by number; probabilities of two classes are a softmax and sum to one.
    let again = try space.program(ranks: 1, classifiers.cam(["--class", "b"]))
    #expect(again.exitCode == 0, "\(again)")
    let named = try self.records(folder)
    let first = try space.program(ranks: 1, classifiers.cam(["--class", "0"]))
    #expect(first.exitCode == 0, "\(first)")
    let numbered = try self.records(folder)
    #expect(named.allSatisfy { $0.class == "b" } && numbered.allSatisfy { $0.class == "a" && $0.class_number == 0 })
    for ((a, b), likeliest) in zip(zip(numbered, named), records) {
      #expect(
        abs(a.probability - 1 / (1 + exp(b.logit - a.logit))) < 1e-6 && abs(a.probability + b.probability - 1) < 1e-12)
      #expect(likeliest.probability == max(a.probability, b.probability))
    }

    try mistakes(classifiers)
  }

  /// Each ends with its code and one message, and leaves no files.
  private func mistakes(_ classifiers: Classifiers) throws {
    let space = classifiers.space
    let (maps, picture) = (space.folder.file("no-maps"), space.picture("val", 1))
    func cam(_ checkpoints: [String], _ more: String..., output: String? = nil) -> [String] {
      ["cam", "--output", output ?? maps] + checkpoints.flatMap { ["--checkpoint", $0] } + more
    }
    let broken = try space.folder.write("no picture", to: "broken.jpg")
    let own = space.folder.file("own")
    try FileManager.default.createDirectory(atPath: own, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: "\(own)/cam.png", withDestinationPath: picture)
    let weights = "\(classifiers.resnet)/checkpoints/latest/model.safetensors"
    try FileManager.default.copyItem(atPath: weights, toPath: "\(own)/cam.safetensors")
    for (ranks, code, words, arguments) in [
      (1, 66, ["/none.jpg: cannot be opened"], cam([classifiers.resnet], space.folder.file("none.jpg"))),
      (2, 65, ["/broken.jpg: "], cam([classifiers.resnet], picture, broken)),
      (1, 66, ["/no-run: cannot open"], cam([space.folder.file("no-run")], picture)),
      (
        1, 65, ["--class c: expected a class of \(classifiers.densenet), or a number from 0 to 1", ": a, b"],
        cam([classifiers.densenet], "--class", "c", picture)
      ),
      (1, 65, ["--class 2: expected a class"], cam([classifiers.resnet], "--class", "2", picture)),
      (
        1, 78, ["expected a checkpoint of a classifier, got one of model.name retinanet"],
        cam([space.trained.run], picture)
      ),
      (
        1, 78, ["model.name customnet has no class activation maps", "weights of its own for each pixel"],
        cam([classifiers.resnet, classifiers.customnet], picture)
      ),
      (
        1, 64, ["is called resnet, as ", "--checkpoint NAME="],
        cam([classifiers.resnet, "resnet=\(classifiers.densenet)"], picture)
      ),
      (1, 64, ["expected [NAME=]PATH with a name"], cam(["=\(classifiers.resnet)"], picture)),
      (1, 64, ["cam.png would take the place of \(picture)"], cam([classifiers.resnet], picture, output: own)),
      (
        1, 64, ["cam.safetensors would take the place of \(own)/cam.safetensors"],
        cam(["\(own)/cam.safetensors"], "--config", "\(classifiers.resnet)/config.yaml", broken, output: own)
      ),
      (
        1, 64, ["/cam.png: a sheet of ", " would have more than 100000000 pixels"],
        cam([classifiers.resnet]) + Array(repeating: picture, count: 500)
      ),
      (1, 73, ["/proc/maps: cannot create the directory"], cam([classifiers.resnet], picture, output: "/proc/maps")),
    ] as [(Int, Int32, [String], [String])] {
      try space.program(ranks: ranks, arguments).expectError(code, words)
      #expect(!FileManager.default.fileExists(atPath: maps), "\(arguments)")
    }
  }

  @Test("a network of grey images sees colour as grey; a last map of one pixel is worth a warning")
  func grey() throws {
    let space = try Workspace()
    try space.writeMNIST()
    let run = space.folder.file("grey")
    let trained = try space.program(
      ranks: 1,
      space.classify(
        "mnist", "--set", "model.name=resnet", "--set", "model.depth=18", "--set", "input.size=28", "--output", run))
    try #require(trained.exitCode == 0, "\(trained)")
    let folder = space.folder.file("maps")
    func cam(_ picture: String, size: Int, orientation: String = "auto") throws -> (CommandResult, Record) {
      let result = try space.program(
        ranks: 1,
        [
          "cam", "--checkpoint", run, "--output", folder, "--set", "input.size=\(size)", "--set",
          "data.orientation=\(orientation)", picture,
        ])
      #expect(result.exitCode == 0, "\(result)")
      return (result, try #require(records(folder).first))
    }
    let (small, _) = try cam(space.picture("val", 1), size: 28)
    #expect(
      small.errorLines("warning: ").count == 1 && small.errorOutput.contains("is 1x1 for its input of 28"), "\(small)")
    let (large, colored) = try cam(space.picture("val", 1), size: 64)
    #expect(large.errorLines("warning: ").isEmpty, "\(large)")

    // The same picture in its grey is the same to the network.
    let reader = ImageReader()
    try reader.read(space.picture("val", 1))
    let pixels = reader.image.pixels
    #expect(stride(from: 0, to: pixels.count, by: 3).contains { pixels[$0] != pixels[$0 + 1] }, "a coloured picture")
    let view = try ClassificationReader().pictureForEvaluation(
      FilePath(space.picture("val", 1)), .auto, wholePictures(64), channels: 1)
    let file = space.folder.file("grey.png")
    try view.write(to: file)
    let (_, same) = try cam(file, size: 64)
    #expect(same.logit == colored.logit && same.class == colored.class && Int(same.class) == same.class_number)

    // A picture that states an orientation is taken as stored, with a warning, unless it is to be turned.
    let stated = try space.folder.write(
      pngFile(view.pngFile(), withEXIF: exifData(orientation: 3, isBigEndian: true)), to: "stated.png")
    let (stored, asStored) = try cam(stated, size: 64)
    #expect(
      stored.errorLines("warning: ").count { $0.contains("/stated.png: states EXIF orientation 3 and is taken") } == 1,
      "\(stored)")
    #expect(asStored.logit == colored.logit)
    try reader.read(stated, .apply)
    try reader.image.write(to: space.folder.file("turned.png"))
    let (applied, turned) = try cam(stated, size: 64, orientation: "apply")
    #expect(applied.errorLines("warning: ").isEmpty, "\(applied)")
    #expect(try turned.logit == cam(space.folder.file("turned.png"), size: 64).1.logit && turned.logit != colored.logit)
  }

  /// What a network of MNIST's pictures makes of a file: it takes as much of it as its shape allows.
  private func wholePictures(_ side: Int) -> ClassificationTransform {
    var transform = ClassificationTransform(height: side, width: side)
    transform.evaluationFraction = 1
    return transform
  }
}
