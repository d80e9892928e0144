import Datasets
import Foundation
import TestSupport
import Testing

/// Oracle: what the annotations of the data set say, and closed forms; that the pixels are those of training is held by
/// `DrawnSamplesRankTests`.
@Suite(.serialized) struct InspectDataTests {
  private func text(_ space: Workspace) throws -> [Substring] {
    try String(contentsOfFile: space.folder.file("seen/samples.txt"), encoding: .utf8).split(separator: "\n")
  }

  private func inspect(_ space: Workspace, samples: Int, _ arguments: [String]) throws -> CommandResult {
    try space.program(
      ranks: 1,
      ["inspect", "--data", "\(samples)"] + arguments + ["--output", space.folder.file("seen")])
  }

  /// Arguments without those of `--output`, which the commands that train have.
  private func withoutOutput(_ arguments: [String]) -> [String] {
    guard let place = arguments.firstIndex(of: "--output") else { return arguments }
    return Array(arguments[..<place] + arguments[(place + 2)...])
  }

  /// Names of what was written, and the sizes of its pictures.
  private func pictures(_ space: Workspace) throws -> [String: (width: Int, height: Int)] {
    let reader = ImageReader()
    let names = try FileManager.default.contentsOfDirectory(atPath: space.folder.file("seen"))
    return try Dictionary(
      uniqueKeysWithValues: names.filter { $0.hasSuffix(".png") }.map {
        ($0, try reader.read(space.folder.file("seen/\($0)")))
      })
  }

  @Test("a detector's samples are drawn with their objects, crowds and boxes left out apart, and told in words")
  func detector() throws {
    let space = try Workspace()
    // The objects of the first image: one a crowd, one without area.
    let path = space.annotations("train")
    var document = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
    var annotations = try #require(document["annotations"] as? [[String: Any]])
    let image = try #require(annotations[0]["image_id"] as? Int)
    var (extra, empty) = (annotations[0], annotations[0])
    (extra["id"], extra["iscrowd"]) = (90_001, 1)
    (empty["id"], empty["bbox"]) = (90_002, [3, 4, 0, 5])
    annotations += [extra, empty]
    document["annotations"] = annotations
    try JSONSerialization.data(withJSONObject: document).write(to: URL(fileURLWithPath: path), options: .atomic)
    let objects = annotations.count { $0["image_id"] as? Int == image }

    let arguments = ["--config", space.trained.configuration, "--set", "data.root=\(space.data)"]
    let result = try inspect(
      space, samples: 100, arguments + ["--set", "input.scale_min=1", "--set", "input.scale_max=1"])
    #expect(result.exitCode == 0 && result.errorLines("error: ").isEmpty, "\(result)")
    #expect(result.output.contains("8 training images of 5 classes"), "\(result)")
    #expect(result.output.contains("8 of 8 training samples -> "))
    let pictures = try pictures(space)
    #expect(Set(pictures.keys) == Set((1...8).map { "sample-\($0).png" } + ["samples.png"]))
    // 64 pixels become 320, with a legend below.
    for (name, size) in pictures where name != "samples.png" { #expect(size.width == 320 && size.height > 320) }
    let sheet = try #require(pictures["samples.png"])
    #expect(sheet.width > 3 * 224 && sheet.height > 3 * 224, "three rows of three")

    let lines = try text(space).filter { $0.contains("/sample-") }
    #expect(lines.count == 8)
    let files = lines.compactMap { $0.firstMatch(of: #/train2017/(0+[1-8])\.jpg/#).map { String($0.output.1) } }
    #expect(Set(files).count == 8, "every image once: \(files)")
    #expect(lines.allSatisfy { $0.contains(": 64x64, ") && $0.contains("scaled to 64x64 -> 64x64; ") }, "\(lines)")
    let line = try #require(lines.first { $0.contains("1 crowd, 1 no area") }, "\(lines)")
    #expect(line.contains("; \(objects - 2) of \(objects) objects: "), "\(line)")
    #expect(result.errorLines("warning: ").contains { $0.contains("annotation 90002") }, "\(result)")
    // Each line of the file was said, too.
    for line in lines { #expect(result.output.contains(line)) }
    // Fewer are the first ones.
    let fewer = try inspect(space, samples: 2, arguments)
    #expect(fewer.exitCode == 0, "\(fewer)")
    let first = try text(space).filter { $0.contains("/sample-") }
    #expect(first.count == 2 && zip(first, files).allSatisfy { $0.contains("/\($1).jpg") }, "\(first)")
  }

  @Test("a classifier's samples have their class, from files and from memory; pixels are those of the input")
  func classifier() throws {
    let space = try Workspace()
    try space.writeClassFolders()
    let arguments = try withoutOutput(space.classify("image_folder"))
    let result = try inspect(space, samples: 5, arguments)
    #expect(result.exitCode == 0, "\(result)")
    let lines = try text(space).filter { $0.contains("/sample-") }
    #expect(lines.count == 5)
    for line in lines {
      let name = line.contains("/train/a/") ? "a" : "b"
      #expect(
        line.contains("/train/\(name)/") && line.hasSuffix(": 64x64 -> 32x32; class \(name == "a" ? 0 : 1), \(name)"))
    }
    #expect(try pictures(space).values.allSatisfy { $0.width >= 320 })

    try space.remove(space.folder.file("classes"))
    try space.writeMNIST()
    let grey = try inspect(
      space, samples: 3,
      withoutOutput(
        space.classify("mnist", "--set", "input.size=28", "--set", "input.crop=none", "--set", "input.flip=0")))
    #expect(grey.exitCode == 0 && grey.output.contains("3 of 4 training samples"), "\(grey)")
    let reader = ImageReader()
    try reader.read(space.folder.file("seen/sample-1.png"))
    // Grey pixels of 12 x 12, up to the legend.
    let image = reader.image
    #expect(image.width == 336)
    for y in stride(from: 0, to: 336, by: 5) {
      for x in stride(from: 0, to: 336, by: 5) {
        let (place, square) = ((y * 336 + x) * 3, (y / 12 * 12 * 336 + x / 12 * 12) * 3)
        #expect(image.pixels[place] == image.pixels[place + 1] && image.pixels[place] == image.pixels[square])
      }
    }
  }

  @Test(
    "a segmentation's samples have the labels of their pixels; generated pictures need no data, nor a configuration")
  func segmentation() throws {
    let space = try Workspace()
    let file = try space.folder.write(
      """
      data: {kind: shapes, shapes: {size: 64, train_images: 8, val_images: 2}}
      input: {size: 65}
      model: {name: segmentation, depth: 18, classes: 6}
      batch: {per_rank: 1}

      """, to: "segmentation.yaml")
    let result = try inspect(space, samples: 4, ["--config", file])
    #expect(result.exitCode == 0, "\(result)")
    let lines = try text(space).filter { $0.contains("/sample-") }
    // Labels of every eighth pixel of 65.
    #expect(lines.count == 4 && lines.allSatisfy { $0.contains("; 81 labels: background ") }, "\(lines)")
    let bare = try inspect(space, samples: 1, [])
    #expect(bare.exitCode == 0 && bare.output.contains("1 of 400 training samples"), "\(bare)")
  }

  @Test("a stated font that is none is told in one warning, and another one is taken")
  func font() throws {
    let space = try Workspace()
    let arguments = ["--config", space.trained.configuration, "--set", "data.root=\(space.data)"]
    let folder = space.folder.file("seen")
    let result = try space.program(
      ranks: 1, ["inspect", "--data", "2"] + arguments + ["--output", folder],
      environment: ["DROPBLOCK_FONT": space.trained.configuration])
    #expect(result.exitCode == 0, "\(result)")
    let warnings = result.errorLines("warning: ").filter { $0.contains("DROPBLOCK_FONT=") }
    #expect(warnings.count == 1 && warnings[0].contains("is no font file that can be read"), "\(result)")
  }

  @Test("bad input ends with its code and one message, and leaves nothing behind")
  func mistakes() throws {
    let space = try Workspace()
    let seen = space.folder.file("seen")
    let arguments = ["--config", space.trained.configuration, "--set", "data.root=\(space.data)"]
    func data(_ count: String, _ more: String...) -> [String] { ["inspect", "--data", count] + arguments + more }
    let broken = space.folder.file("broken")
    try FileManager.default.copyItem(atPath: space.data, toPath: broken)
    for number in 1...5 { try space.truncate("\(broken)/train2017/00000\(number).jpg") }
    for (code, words, arguments) in [
      (64, ["--data: expected 1 to 100 samples, got 0"], data("0", "--output", seen)),
      (64, ["--data: expected 1 to 100 samples, got 101"], data("101", "--output", seen)),
      (64, ["--output must say where the pictures go"], data("4")),
      (64, ["--data must say how many"], ["inspect", "--output", seen]),
      (64, ["without --checkpoint and --json"], data("4", "--output", seen, "--checkpoint", space.trained.run)),
      (64, ["is the folder of ", "give another directory"], data("4", "--output", "\(space.data)/train2017")),
      (
        65, ["images are unreadable, which is more than half"],
        data("8", "--output", seen, "--set", "data.root=\(broken)")
      ),
      (66, ["/nowhere/annotations", "says where it lies"], data("4", "--output", seen, "--set", "data.root=/nowhere")),
      (73, ["/proc/seen: cannot create the directory"], data("4", "--output", "/proc/seen")),
      (78, ["data.kind: expected"], data("4", "--output", seen, "--set", "data.kind=mnist")),
    ] as [(Int32, [String], [String])] {
      try space.program(ranks: 1, arguments).expectError(code, words)
      #expect(!FileManager.default.fileExists(atPath: seen), "\(arguments)")
    }
    try space.program(ranks: 2, data("0", "--output", seen)).expectError(64, ["--data: expected 1 to 100"])
  }
}
