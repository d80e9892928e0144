import Datasets
import Foundation
import TestSupport
import Testing

/// Oracle: what the tests do to the data set, and the documented exit codes.
@Suite(.serialized) struct DataParagraphTests {
  @Test("mistakes that make data useless end with 65 and the likely cause", arguments: BadInputCase.uselessData)
  func useless(mistake: BadInputCase) throws {
    for ranks in mistake.ranks {
      let space = try Workspace()
      let arguments = try mistake.prepare(space)
      try space.program(ranks: ranks, arguments).expectError(mistake.code, mistake.words)
      if !arguments[0].hasPrefix("--") { continue }
      let doctor = try space.program(ranks: 1, ["doctor"] + arguments)
      #expect(doctor.exitCode == mistake.code, "\(doctor)")
      #expect(doctor.output.contains(mistake.words[0]), "\(doctor)")
    }
  }

  @Test("doctor and the head of a run end with what the data hold; doctor's file has it too", arguments: [1, 2])
  func paragraph(ranks: Int) throws {
    let space = try Workspace()
    try space.edit("train") { images, annotations in
      annotations[0]["bbox"] = [400, 300, 60, 60]
      annotations[1]["iscrowd"] = 1
      annotations.removeAll { $0["image_id"] as? Int == 8 }
      images[7]["file_name"] = "../val2017/000001.jpg"
    }
    try space.orient(space.picture("train", 2), 3)
    let total = try space.read("train").annotations.count
    let json = space.folder.file("doctor.json")
    let doctor = try space.program(ranks: ranks, ["doctor"] + space.train("--json", json))
    #expect(doctor.exitCode == 0, "\(doctor)")
    let training = try space.program(ranks: ranks, space.train())
    #expect(training.exitCode == 0, "\(training)")
    let words = [
      "8 training images of 5 classes in \(space.annotations("train"))", "without objects, 64x64 pixels",
      "\(total), \(total - 2) used; dropped: 1 crowds, 1 outside their images: ", "annotation 1 of 000001.jpg",
      "1 of 8 images looked into state an EXIF orientation, 0 of them turned", "/000002.jpg, orientation 3",
      "4 validation images of 5 classes in \(space.annotations("val"))",
      "none of 4 images looked into states an EXIF orientation",
    ]
    for word in words {
      #expect(doctor.output.contains(word), "\(word) in \(doctor)")
      #expect(training.output.contains(word), "\(word) in \(training)")
    }
    for warning in ["1 names lead out", "data.orientation=apply"] {
      #expect(training.errorLines("warning: ").contains { $0.contains(warning) }, "\(training)")
      #expect(doctor.output.split(separator: "\n").contains { $0.hasPrefix("warning") && $0.contains(warning) })
    }
    #expect(training.errorLines("warning: ").count { $0.contains("outside its image") } <= 1, "\(training)")
    let log = try String(contentsOfFile: space.folder.file("run/log.txt"), encoding: .utf8)
    #expect(log.contains(words[2]))
    let report = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: json))) as? [String: Any])
    let data = try #require(report["data"] as? [[String: Any]])
    #expect(data.map { $0["split"] as? String } == ["train", "val"] && data[0]["images"] as? Int == 8)
    let objects = try #require(data[0]["objects"] as? [String: Any])
    #expect(objects["count"] as? Int == total && objects["used"] as? Int == total - 2)
    #expect((objects["outside_image"] as? [String: Any])?["count"] as? Int == 1)
    let classes = try #require(data[0]["classes"] as? [[String: Any]])
    #expect(classes.compactMap { $0["count"] as? Int }.reduce(0, +) == total - 2 && classes.count == 5)
    #expect(((data[0]["files"] as? [String: Any])?["oriented"] as? [String: Any])?["count"] as? Int == 1)
  }

  @Test(
    "a run ends when more than half of its images turn out broken, however many faults are allowed", arguments: [1, 2])
  func broken(ranks: Int) throws {
    let space = try Workspace()
    // Their headers are sound, so that the start does not find it.
    for number in 2...8 { try space.truncate(space.picture("train", number)) }
    let arguments = space.train("--set", "train.length=2 epochs", "--set", "train.checkpoint_every=9 epochs")
    let result = try space.program(ranks: ranks, arguments)
    result.expectError(65, ["of its 8 images are unreadable, which is more than half", "Premature end of JPEG file"])
    let doctor = try space.program(ranks: ranks, ["doctor"] + arguments)
    #expect(doctor.exitCode == 65 && doctor.output.contains("7 of 8 images that were looked into cannot be used"))
  }

  @Test("two corners in place of a size are a warning that says so")
  func corners() throws {
    let space = try Workspace()
    try space.edit("train") { _, annotations in
      for index in annotations.indices {
        let box = annotations[index]["bbox"] as? [Double] ?? []
        annotations[index]["bbox"] = [box[0], box[1], box[0] + box[2], box[1] + box[3]]
      }
    }
    let result = try space.program(ranks: 1, space.train())
    #expect(result.exitCode == 0, "\(result)")
    #expect(
      result.errorLines("warning: ").contains {
        $0.contains("boxes reach beyond their images") && $0.contains("two corners [x1, y1, x2, y2]")
      }, "\(result)")
  }

  @Test("pictures annotated as displayed are turned as their files say; other settings say which one fits")
  func orientation() throws {
    let space = try Workspace()
    // Wider pictures, with a quarter turn in the file: seen, they are 48x64.
    let picture = RGBImage(width: 64, height: 48, green: 200).jpegFile()
    for split in ["train", "val"] {
      try space.edit(split) { images, annotations in
        for index in images.indices {
          (images[index]["width"], images[index]["height"]) = (48, 64)
        }
        for index in annotations.indices { annotations[index]["bbox"] = [20, 40, 20, 20] }
      }
      for number in 1...(split == "train" ? 8 : 4) {
        try Data(jpegFile(picture, withEXIF: exifData(orientation: 6, isBigEndian: true))).write(
          to: URL(fileURLWithPath: space.picture(split, number)))
      }
    }
    let other = try space.program(ranks: 1, space.train("--set", "data.orientation=ignore"))
    other.expectError(65, ["is 64x48, image 1 of", "EXIF orientation 6", "data.orientation=apply"])
    let run = space.folder.file("run")
    let result = try space.program(ranks: 1, space.train())
    #expect(result.exitCode == 0, "\(result)")
    #expect(
      result.output.contains("8 of 8 images looked into state an EXIF orientation, 8 of them turned"), "\(result)")
    #expect(result.errorLines("warning: ").isEmpty, "\(result)")
    // The key says what is computed.
    let resumed = try space.program(
      ranks: 1, space.train("--set", "data.orientation=apply", "--set", "train.length=3 steps"))
    resumed.expectError(78, ["data.orientation"])
    let found = space.folder.file("found")
    for (rule, isTurned) in [("auto", false), ("apply", true)] {
      let predicted = try space.program(
        ranks: 1,
        [
          "predict", "--checkpoint", run, "--output", found, "--set", "data.root=\(space.data)", "--set",
          "data.orientation=\(rule)", space.picture("val", 1),
        ])
      #expect(predicted.exitCode == 0, "\(predicted)")
      let warnings = predicted.errorLines("warning: ").filter { $0.contains("states EXIF orientation 6") }
      #expect(warnings.count == (isTurned ? 0 : 1), "\(predicted)")
      // The drawing is enlarged to 320 on the shorter side: its header has columns and rows.
      let drawing = try Data(contentsOf: URL(fileURLWithPath: "\(found)/000001.png"))
      let size = [drawing[16..<20], drawing[20..<24]].map { $0.reduce(0) { $0 << 8 | Int($1) } }
      #expect((size[0] < size[1]) == isTurned && size[0] * size[1] > 64 * 48, "\(size)")
    }
  }

  @Test("a classifier's pictures are turned where that is asked for")
  func classifier() throws {
    let space = try Workspace()
    try space.writeClassFolders()
    let file = space.folder.file("classes/train/a/000001.jpg")
    try space.orient(file, 8)
    for (rule, words) in [("auto", "0 of them turned"), ("apply", "1 of them turned")] {
      let result = try space.program(
        ranks: 1, try space.classify("image_folder", "--dry-run", "--set", "data.orientation=\(rule)"))
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.output.contains("1 of 8 images looked into state an EXIF orientation, \(words)"), "\(result)")
      #expect(
        result.errorLines("warning: ").contains { $0.contains("data.orientation=apply") } == (rule == "auto"),
        "\(result)")
      for word in ["8 training images of 2 classes", "a 4, b 4"] { #expect(result.output.contains(word), "\(result)") }
    }
  }

  @Test("names as Windows writes them, and absolute ones, are trained on and said")
  func names() throws {
    let space = try Workspace()
    try space.edit("train") { images, _ in
      for index in images.indices { images[index]["file_name"] = "train2017\\00000\(index + 1).jpg" }
      images[2]["file_name"] = space.picture("train", 3)
    }
    let arguments = space.train("--set", "data.train.images=\(space.data)", "--set", "train.length=1 epoch")
    let result = try space.program(ranks: 1, arguments)
    #expect(result.exitCode == 0, "\(result)")
    #expect(result.errorOutput.contains("7 names have backslashes, which are taken for slashes"), "\(result)")
    #expect(!result.errorOutput.contains("lead out"), "\(result)")
    #expect(!result.errorOutput.contains("dropped"), "\(result)")
  }

  @Test("doctor's advice for images that are not found makes the run start")
  func advice() throws {
    let space = try Workspace()
    try space.edit("train") { images, _ in
      for index in images.indices { images[index]["file_name"] = "train2017/00000\(index + 1).jpg" }
    }
    let result = try space.program(ranks: 1, ["doctor"] + space.train())
    #expect(result.exitCode == 65, "\(result)")
    let advice = try #require(result.output.firstRange(of: "--set data.train.images="), "\(result)")
    #expect(result.output.contains("8 of 8 images are not in \(space.data)/train2017"), "\(result)")
    let setting = result.output[advice].dropFirst(6) + result.output[advice.upperBound...].prefix { !$0.isWhitespace }
    let again = try space.program(ranks: 1, ["doctor"] + space.train("--set", String(setting)))
    #expect(again.exitCode == 0, "\(again)")
  }

  @Test("a picture of 10000x1 is predicted on; its drawing stays small")
  func thin() throws {
    let space = try Workspace()
    let image = try space.folder.write(RGBImage(width: 10000, height: 1, red: 90).pngFile(), to: "thin.png")
    let found = space.folder.file("found")
    let result = try space.program(
      ranks: 1, ["predict", "--checkpoint", space.trained.run, "--output", found, image])
    #expect(result.exitCode == 0, "\(result)")
    let drawing = try Data(contentsOf: URL(fileURLWithPath: "\(found)/thin.png"))
    #expect(drawing[16..<24].elementsEqual([0, 0, 0x27, 0x10, 0, 0, 0, 1]))
  }
}

extension BadInputCase {
  /// Data sets that nothing, or hardly anything, can be learned from; the first words are doctor's too.
  static let uselessData = [
    BadInputCase("boxes of 0 to 1", 65, ["boxes within 0 to 1", "relative to the images' sizes"], ranks: [1, 2]) {
      try $0.edit("train") { _, annotations in
        for index in annotations.indices {
          annotations[index]["bbox"] = (annotations[index]["bbox"] as? [Double] ?? []).map { $0 / 64 }
        }
      }
      return $0.train()
    },
    BadInputCase("validation boxes of 0 to 1", 65, ["boxes within 0 to 1", "instances_val2017.json"]) {
      try $0.edit("val") { _, annotations in
        for index in annotations.indices { annotations[index]["bbox"] = [0.25, 0.25, 0.5, 0.5] }
      }
      return $0.train()
    },
    BadInputCase("boxes outside the images", 65, ["0 of them usable", "outside their images: "], ranks: [1, 2]) {
      try $0.edit("train") { _, annotations in
        for index in annotations.indices { annotations[index]["bbox"] = [400, 300, 60, 60] }
      }
      return $0.train()
    },
    BadInputCase("no objects", 65, ["expected objects to learn from, got 8 images without any"]) {
      try $0.edit("train") { _, annotations in annotations = [] }
      return $0.train()
    },
    BadInputCase("7 of 8 images missing", 65, ["7 of 8 images are not in ", "data.train.images=DIR"], ranks: [1, 2]) {
      for number in 2...8 { try $0.remove($0.picture("train", number)) }
      return $0.train()
    },
    BadInputCase(
      "a name with a zero character", 65, ["\"file_name\": expected the name of a file", "\\u{0}"], ranks: [1, 2]
    ) {
      try $0.edit("train") { images, _ in images[1]["file_name"] = "000002.jpg\0.png" }
      return $0.train()
    },
    BadInputCase("more pixels than the limit in predict", 65, ["expected at most 100000000 pixels, got 11585x11585"]) {
      let image = try $0.folder.write(hugePNGFile(side: 11585), to: "huge.png")
      return ["predict", "--checkpoint", $0.trained.run, "--output", $0.folder.file("found"), image]
    },
  ]
}

extension Workspace {
  /// What an annotation file lists.
  func read(_ split: String) throws -> (images: [[String: Any]], annotations: [[String: Any]]) {
    let data = try Data(contentsOf: URL(fileURLWithPath: annotations(split)))
    let root = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    return (
      try #require(root["images"] as? [[String: Any]]), try #require(root["annotations"] as? [[String: Any]])
    )
  }

  /// Changes what an annotation file lists.
  func edit(
    _ split: String, _ change: (_ images: inout [[String: Any]], _ annotations: inout [[String: Any]]) -> Void
  ) throws {
    var (images, objects) = try read(split)
    change(&images, &objects)
    let path = annotations(split)
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var root = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    (root["images"], root["annotations"]) = (images, objects)
    try JSONSerialization.data(withJSONObject: root, options: .sortedKeys).write(to: URL(fileURLWithPath: path))
  }

  /// Writes an orientation into a JPEG file.
  func orient(_ path: String, _ orientation: Int) throws {
    let file = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    try Data(jpegFile(file, withEXIF: exifData(orientation: orientation, isBigEndian: false))).write(
      to: URL(fileURLWithPath: path), options: .atomic)
  }
}
