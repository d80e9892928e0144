import Foundation
import Tensors
import Testing

@testable import Datasets

/// Folders in miniature; oracle: sorting by hand.
struct ImageFolderTests {
  private func make(_ files: [String], in directory: String) throws {
    for file in files {
      let path = "\(directory)/\(file)"
      try FileManager.default.createDirectory(
        atPath: String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]), withIntermediateDirectories: true)
      if !file.hasSuffix("/") { try writeFile([0], to: path) }
    }
  }

  @Test("classes and pictures are sorted by their bytes, and whatever is no picture is left out")
  func listing() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try make(
        [
          "n02/b.JPEG", "n02/a.jpeg", "n02/B.jpg", "n02/c.txt", "n02/.hidden.jpg", "n02/deeper.jpg/x.jpg", "n02/.jpg",
          "N1/é.png", "N1/z.PnG", "n10/1.jpg", "notes.jpg", ".git/a.jpg", "n01/10.jpg", "n01/9.jpg",
        ], in: directory)
      try FileManager.default.createSymbolicLink(atPath: directory + "/link", withDestinationPath: "n10")
      let folder = try ImageFolder(root: directory)
      #expect(folder.classNames == ["N1", "link", "n01", "n02", "n10"])
      let expected = [
        ("N1/z.PnG", 0), ("N1/é.png", 0), ("link/1.jpg", 1), ("n01/10.jpg", 2), ("n01/9.jpg", 2), ("n02/B.jpg", 3),
        ("n02/a.jpeg", 3), ("n02/b.JPEG", 3), ("n10/1.jpg", 4),
      ]
      let (paths, labels) = (expected.map { "\(directory)/\($0.0)" }, expected.map(\.1))
      #expect((0..<folder.count).map { folder.path(at: $0) } == paths)
      #expect((0..<folder.count).map { folder.label(at: $0) } == labels)
      #expect(folder.images(ofClass: 3) == 5..<8)
      let dataset = ClassificationDataset(folder)
      #expect(dataset.countsOfClasses == [2, 1, 2, 3, 1] && dataset.channels == 3 && dataset.count == 9)

      // Every change of names or their order shows; the place of the folder does not.
      let hash = dataset.contentHash
      #expect(try ClassificationDataset(ImageFolder(root: directory + "/.")).contentHash == hash)
      try FileManager.default.moveItem(atPath: directory + "/n01/9.jpg", toPath: directory + "/n01/8.jpg")
      #expect(try ClassificationDataset(ImageFolder(root: directory)).contentHash != hash)
    }
  }

  @Test("a missing folder is error 66; no class folders, and a class without pictures, are error 65, with the name")
  func errors() throws {
    try Fixtures.withTemporaryDirectory { directory in
      func error(_ root: String) -> InputError? { #expect(throws: InputError.self) { try ImageFolder(root: root) } }
      #expect(error(directory + "/none")?.exitCode == .missingFile)
      try make(["train/a.jpg"], in: directory)
      let flat = error(directory + "/train")
      #expect(flat?.exitCode == .badData && flat?.description.contains("expected one folder for each class") == true)
      try make(["train/full/a.jpg", "train/empty/readme.txt"], in: directory)
      let empty = error(directory + "/train")
      #expect(empty?.exitCode == .badData)
      #expect(empty?.description.hasPrefix("\(directory)/train/empty: expected images") == true)
    }
  }

  @Test("classes that the model or the training images do not have are error 65, each with its name")
  func classes() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try make(["a/1.jpg", "b/1.jpg", "c/1.jpg"], in: directory)
      let dataset = ClassificationDataset(try ImageFolder(root: directory))
      try dataset.requireClasses(below: 3)
      func message(_ body: () throws -> Void) -> String {
        let error = #expect(throws: InputError.self) { try body() }
        #expect(error?.exitCode == .badData)
        return error?.description ?? ""
      }
      #expect(message { try dataset.requireClasses(below: 2) }.contains("has 3 classes, the model has 2"))
      try dataset.requireClasses(of: ["a", "b", "c"], at: "train")
      #expect(
        message { try dataset.requireClasses(of: ["a", "c"], at: "train") }.contains("class b: expected only classes"))
      #expect(
        message { try dataset.requireClasses(of: ["a", "b", "bb", "c"], at: "train") }.contains("class bb: expected"))
      let images = LabeledImages(channels: 1, height: 1, width: 1, pixels: [1, 2, 3], labels: [0, 7, 9])
      let memory = ClassificationDataset(images, name: "file", classNames: (0..<10).map { "\($0)" })
      try memory.requireClasses(below: 10)
      #expect(
        message { try memory.requireClasses(below: 8) }.hasPrefix("file: class of picture 2: expected 0 to 7, as the"))
    }
  }

  @Test("as many names as ImageNet has are listed in seconds")
  func rate() throws {
    try Fixtures.withTemporaryDirectory { directory in
      let names = (0..<20).flatMap { kind in (0..<500).map { "n\(kind + 10)/n01440764_\($0 * 37 % 500).JPEG" } }
      for name in names where name.hasSuffix("_0.JPEG") { try make([name], in: directory) }
      for name in names where !name.hasSuffix("_0.JPEG") {
        let descriptor = open("\(directory)/\(name)", O_WRONLY | O_CREAT, 0o600)
        close(descriptor)
      }
      let start = threadSeconds()
      let folder = try ImageFolder(root: directory)
      #expect(folder.count == 10_000)
      // 1.28 million in a minute would be half a second here.
      #expect(threadSeconds() - start < 0.5)
    }
  }

  @Test("the real flowers have their five classes", .enabled(if: Fixtures.sharedData != nil, "needs the shared data"))
  func real() throws {
    let flowers = try ImageFolder(root: #require(Fixtures.sharedData) + "/flowers5/train")
    #expect(flowers.classNames == ["daisy", "dandelion", "roses", "sunflowers", "tulips"] && flowers.count == 120)
  }
}
