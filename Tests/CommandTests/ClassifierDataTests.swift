import Foundation
import TestSupport
import Testing

/// Oracle: the documented exit codes and messages; what the miniature data sets hold.
@Suite(.serialized) struct ClassifierDataTests {
  @Test("a mistake in a classifier's data ends with its code and one message", arguments: BadInputCase.classification)
  func mistakes(mistake: BadInputCase) throws {
    for ranks in mistake.ranks {
      let space = try Workspace()
      try space.program(ranks: ranks, mistake.prepare(space)).expectError(mistake.code, mistake.words)
    }
  }

  @Test("a classifier learns from class folders on two ranks, leaves an unreadable image out and names it")
  func folders() throws {
    let space = try Workspace()
    try space.writeClassFolders()
    try space.truncate(space.folder.file("classes/train/a/000001.jpg"))
    let arguments = try space.classify(
      "image_folder", "--set", "input.crop=random_resized", "--set", "input.auto_augment=true", "--set",
      "input.cutout=8")
    let result = try space.program(ranks: 2, arguments)
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("8 training images of 2 classes"), "\(result)")
    #expect(result.output.contains("4 validation images"), "\(result)")
    #expect(
      result.errorLines("warning: ").count { $0.contains("/train/a/000001.jpg") && $0.contains("; dropped") } == 1,
      "\(result)")
    let metrics = try String(contentsOfFile: space.folder.file("run/metrics.jsonl"), encoding: .utf8)
    #expect(metrics.contains("top1") && metrics.contains("top5"), "\(metrics)")
  }

  @Test("CIFAR-10's files are learned from and evaluated; doctor says how many images each class has")
  func cifar() throws {
    let space = try Workspace()
    try space.writeCIFAR()
    let doctor = try space.program(ranks: 1, ["doctor"] + space.classify("cifar10"))
    #expect(doctor.exitCode == 0, "\(doctor)")
    #expect(doctor.output.contains("20 images of 10 classes, 2 of each"), "\(doctor)")
    #expect(doctor.output.contains("5 images of 10 classes, 0 to 1 of each"), "\(doctor)")
    let result = try space.program(ranks: 1, space.classify("cifar10"))
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("20 training images of 10 classes"), "\(result)")
    #expect(result.output.contains("5 validation images"), "\(result)")
  }

  @Test("MNIST's files, one of them gzipped, are learned from and evaluated")
  func mnist() throws {
    let space = try Workspace()
    try space.writeMNIST()
    let file = space.folder.file("classes/train-images-idx3-ubyte")
    #expect(try TestSupport.run(["gzip", file]).exitCode == 0)
    let settings = ["input.size=28", "input.crop=none", "dropblock.groups=[1, 2, 3]"]
    let result = try space.program(
      ranks: 1, space.classify("mnist") + settings.flatMap { ["--set", $0] })
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.output.contains("4 training images of 10 classes"), "\(result)")
    let metrics = try String(contentsOfFile: space.folder.file("run/metrics.jsonl"), encoding: .utf8)
    let row = try #require(metrics.split(separator: "\n").last { $0.contains("top1") })
    // Two images: top-1 is 0, a half or 1.
    #expect(["0", "0.0", "0.5", "1", "1.0"].contains { row.contains("\"top1\": \($0),") }, "\(row)")
  }
}

extension BadInputCase {
  /// Mistakes in the data sets of classifiers.
  static let classification = [
    BadInputCase(
      "a class folder without images", 65,
      ["/classes/train/b: expected images (.jpg", "got none", "remove the folder and ", "/classes/val/b"]
    ) {
      try $0.writeClassFolders()
      for number in 5...8 { try $0.remove($0.folder.file("classes/train/b/00000\(number).jpg")) }
      return try $0.classify("image_folder")
    },
    BadInputCase(
      "a missing image folder", 66,
      ["/classes/train: the folder of the images cannot be read", "data.train.images says"]
    ) { try $0.classify("image_folder") },
    BadInputCase(
      "a class of the validation images alone", 65, ["/classes/val: class c: expected one of the classes of"]
    ) {
      try $0.writeClassFolders()
      try FileManager.default.moveItem(
        atPath: $0.folder.file("classes/val/b"), toPath: $0.folder.file("classes/val/c"))
      return try $0.classify("image_folder")
    },
    BadInputCase("more class folders than classes", 65, ["/classes/train: has 2 classes, the model has 1"]) {
      try $0.writeClassFolders()
      return try $0.classify("image_folder", "--set", "model.classes=1")
    },
    BadInputCase(
      "an unreadable image more than data.max_faults", 65,
      ["data.max_faults allows 0", "/classes/train/a/000003.jpg", "Premature end of JPEG file"], ranks: [2]
    ) {
      try $0.writeClassFolders()
      try $0.truncate($0.folder.file("classes/train/a/000003.jpg"))
      return try $0.classify("image_folder", "--set", "data.max_faults=0", "--set", "train.length=1 epoch")
    },
    BadInputCase(
      "an unreadable image to be evaluated", 65, ["/classes/val/b/000004.jpg", "Premature end of JPEG file"],
      ranks: [2]
    ) {
      try $0.writeClassFolders()
      try $0.truncate($0.folder.file("classes/val/b/000004.jpg"))
      return try $0.classify("image_folder")
    },
    BadInputCase("a missing CIFAR file", 66, ["/classes/test_batch.bin", "No such file", "data.val.files says"]) {
      try $0.writeCIFAR()
      try $0.remove($0.folder.file("classes/test_batch.bin"))
      return try $0.classify("cifar10")
    },
    BadInputCase(
      "a CIFAR file of the wrong length", 65,
      ["/classes/data_batch_3.bin: length: expected a whole number of CIFAR-10 records of 3073 bytes, got 6147"],
      ranks: [1, 2]
    ) {
      try $0.writeCIFAR()
      let path = $0.folder.file("classes/data_batch_3.bin")
      try (Data(contentsOf: URL(fileURLWithPath: path)).prefix(2 * 3073) + [0]).write(to: URL(fileURLWithPath: path))
      return try $0.classify("cifar10")
    },
    BadInputCase("a class of CIFAR out of range", 65, ["data_batch_2.bin: class of record 0: expected 0 to 9, got 77"])
    {
      try $0.writeCIFAR()
      let path = $0.folder.file("classes/data_batch_2.bin")
      var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      bytes[0] = 77
      try bytes.write(to: URL(fileURLWithPath: path))
      return try $0.classify("cifar10")
    },
    BadInputCase("a class that the model does not have", 65, ["expected 0 to 4, as the model has 5 classes, got 5"]) {
      try $0.writeCIFAR()
      return try $0.classify("cifar10", "--set", "model.classes=5")
    },
    BadInputCase("an IDX file with the wrong magic", 65, ["-images-idx3-ubyte: first bytes: expected 00 00 08 03"]) {
      try $0.writeMNIST()
      let labels = $0.folder.file("classes/train-labels-idx1-ubyte")
      try $0.remove($0.folder.file("classes/train-images-idx3-ubyte"))
      try FileManager.default.copyItem(atPath: labels, toPath: $0.folder.file("classes/train-images-idx3-ubyte"))
      return try $0.classify("mnist")
    },
    BadInputCase(
      "an IDX file that inflates far beyond its header", 65,
      ["-images-idx3-ubyte.gz: length: its header says ", "got more"]
    ) {
      try $0.writeMNIST()
      let images = $0.folder.file("classes/train-images-idx3-ubyte")
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: images))
      try file.truncate(atOffset: 64 << 20)
      try file.close()
      #expect(try TestSupport.run(["gzip", "-1", images]).exitCode == 0)
      return try $0.classify("mnist")
    },
    BadInputCase("a class of MNIST out of range", 65, ["labels-idx1-ubyte: class of picture 0: expected 0 to 9, got 7"])
    {
      try $0.writeMNIST(firstClass: 77)
      return try $0.classify("mnist")
    },
    BadInputCase("a detector's data for a classifier", 78, ["data.kind: expected image_folder, cifar10 or mnist"]) {
      try $0.classify("coco")
    },
  ]
}

extension Workspace {
  /// Arguments that train a small classifier on the data set of this kind in `classes`.
  func classify(_ kind: String, _ more: String...) throws -> [String] {
    let text = """
      data: {kind: \(kind), root: \(folder.file("classes"))}
      input: {size: 32, crop: pad}
      model: {name: customnet, classes: 10}
      dropblock: {groups: []}
      batch: {per_rank: 2}
      learning_rate: {warmup: 0 steps, schedule: cosine}
      planner: {algorithms: direct}
      train: {length: 2 steps, log_every: 1}

      """
    return ["--config", try folder.write(text, to: "classes.yaml"), "--output", folder.file("run")] + more
  }

  /// Deals the pictures of the data set to two classes: 1 to 4 and 5 to 8 in training, 1 and 2, 3 and 4 in validation.
  func writeClassFolders() throws {
    for (split, count) in [("train", 8), ("val", 4)] {
      for number in 1...count {
        let place = "classes/\(split)/\(number <= count / 2 ? "a" : "b")"
        try FileManager.default.createDirectory(atPath: folder.file(place), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
          atPath: picture(split, number), toPath: folder.file("\(place)/00000\(number).jpg"))
      }
    }
  }

  /// Writes five files of four records each, two of every class in all, and five records to evaluate.
  func writeCIFAR() throws {
    try FileManager.default.createDirectory(atPath: folder.file("classes"), withIntermediateDirectories: true)
    func record(_ kind: Int) -> [UInt8] {
      [UInt8(kind)] + (0..<3072).map { UInt8(truncatingIfNeeded: $0 * (kind + 3)) }
    }
    for file in 0..<5 {
      try folder.write((0..<4).flatMap { record((4 * file + $0) % 10) }, to: "classes/data_batch_\(file + 1).bin")
    }
    try folder.write((0..<5).flatMap { record($0) }, to: "classes/test_batch.bin")
  }

  /// Writes four pictures of 28x28 to learn from and two to evaluate.
  func writeMNIST(firstClass: UInt8 = 3) throws {
    try FileManager.default.createDirectory(atPath: folder.file("classes"), withIntermediateDirectories: true)
    for (split, count) in [("train", UInt8(4)), ("t10k", 2)] {
      let pixels = (0..<Int(count) * 784).map { UInt8(truncatingIfNeeded: $0) }
      try folder.write(
        [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28] + pixels, to: "classes/\(split)-images-idx3-ubyte")
      try folder.write(
        [0, 0, 8, 1, 0, 0, 0, count, firstClass] + (1..<count).map { $0 }, to: "classes/\(split)-labels-idx1-ubyte")
    }
  }
}
