import Foundation
import Tensors
import TestSupport
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

  @Test("classes and pictures are sorted by their bytes; whatever is no picture is left out and counted")
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
        ("n02/a.jpeg", 3), ("n02/b.JPEG", 3), ("n02/deeper.jpg/x.jpg", 3), ("n10/1.jpg", 4),
      ]
      let (paths, labels) = (expected.map { "\(directory)/\($0.0)" }, expected.map(\.1))
      #expect((0..<folder.count).map { folder.path(at: $0).description } == paths)
      #expect((0..<folder.count).map { folder.label(at: $0) } == labels)
      // Of `n02`: c.txt, .hidden.jpg, and .jpg, which is a name without an ending; beside it notes.jpg and .git.
      let found = folder.passedOver.found
      #expect(found[.otherFile]?.count == 2 && found[.hiddenFolder] == .init(count: 1, example: "\(directory)/.git"))
      #expect(found[.hiddenPicture]?.count == 1 && found[.hiddenPicture]?.example == "\(directory)/n02/.hidden.jpg")
      #expect(found[.outsidePicture]?.count == 1 && found[.outsidePicture]?.example == "\(directory)/notes.jpg")
      #expect(found.count == 4 && folder.passedOver.found.values.reduce(0) { $0 + $1.count } == 5)
      let warning = folder.passedOver.warning ?? ""
      #expect(
        warning.contains("1 picture beside the class folders (\(directory)/notes.jpg)")
          && warning.contains("1 hidden folder (\(directory)/.git)") && !warning.contains("c.txt"))
      #expect(folder.images(ofClass: 3) == 5..<9)
      let dataset = ClassificationDataset(folder)
      #expect(dataset.countsOfClasses == [2, 1, 2, 4, 1] && dataset.channels == 3 && dataset.count == 10)

      // Every change of names or their order shows; the place of the folder does not.
      let hash = dataset.contentHash
      #expect(try ClassificationDataset(ImageFolder(root: directory + "/.")).contentHash == hash)
      try FileManager.default.moveItem(atPath: directory + "/n01/9.jpg", toPath: directory + "/n01/8.jpg")
      #expect(try ClassificationDataset(ImageFolder(root: directory)).contentHash != hash)
    }
  }

  @Test("folders below a class are read in torchvision's order: by folder, and by name in each")
  func subfolders() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try make(
        [
          "c/z.jpg", "c/b/2.jpg", "c/b/1.jpg", "c/b-x/3.jpg", "c/b/a/4.PNG", "c/B/5.jpg", "c/b/w.webp",
          "d/deep/er/1.jpg",
        ],
        in: directory)
      let folder = try ImageFolder(root: directory)
      // As torchvision lists them: sorted(os.walk(...)) and then the sorted names of each.
      let expected = [
        "c/z.jpg", "c/B/5.jpg", "c/b/1.jpg", "c/b/2.jpg", "c/b-x/3.jpg", "c/b/a/4.PNG", "d/deep/er/1.jpg",
      ]
      #expect((0..<folder.count).map { folder.path(at: $0).description } == expected.map { "\(directory)/\($0)" })
      #expect(folder.images(ofClass: 0) == 0..<6 && folder.label(at: 6) == 1)
      #expect(
        folder.passedOver.warning
          == "left out: 1 picture of other formats than .jpg, .jpeg, .png (\(directory)/c/b/w.webp)")
    }
  }

  @Test("links to folders are followed, and those that lead back to a folder above are left out and counted")
  func links() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try make(["set/a/1.jpg", "set/b/2.jpg", "elsewhere/3.jpg"], in: directory)
      func link(_ place: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: "\(directory)/\(place)", withDestinationPath: target)
      }
      try link("set/a/more", to: "../../elsewhere")
      try link("set/a/self", to: ".")
      try link("set/a/up", to: "..")
      try link("elsewhere/back", to: "../set/a")
      let folder = try ImageFolder(root: directory + "/set")
      let expected = ["a/1.jpg", "a/more/3.jpg", "b/2.jpg"].map { "\(directory)/set/\($0)" }
      #expect((0..<folder.count).map { folder.path(at: $0).description } == expected)
      #expect(
        folder.passedOver.found[.loop]?.count == 3 && folder.passedOver.found.values.reduce(0) { $0 + $1.count } == 3)
      #expect(folder.passedOver.warning?.contains("3 links back to a folder above (such as ") == true)
    }
  }

  @Test("names that are not UTF-8 are opened by their bytes and shown with these escaped")
  func otherBytes() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try make(["a/caf.jpg", "b/1.jpg", "c/1.jpg"], in: directory)
      try Fixtures.picture(width: 9, height: 7).write(to: directory + "/a.png")
      let root = FilePath(directory)
      func move(_ place: FilePath, _ bytes: [UInt8]) {
        let target = root.appending(bytes)
        #expect(place.withCString { from in target.withCString { rename(from, $0) } } == 0)
      }
      move(root.appending("a.png"), Array("a/caf".utf8) + [0xe9] + Array(".jpg".utf8))
      move(root.appending("b"), [0x62, 0xe9])
      move(root.appending("c"), Array("b\\xe9".utf8))
      let folder = try ImageFolder(root: directory)
      // A backslash comes before every byte that is not ASCII.
      #expect(folder.classNames == ["a", "b\\x5cxe9", "b\\xe9"])
      #expect(
        (0..<2).map { folder.path(at: $0).description } == ["\(directory)/a/caf.jpg", "\(directory)/a/caf\\xe9.jpg"])
      #expect(try ImageReader().read(folder.path(at: 1)) == (9, 7))
      #expect((0..<4).allSatisfy { folder.path(at: $0).exists })
      let renamed = ExpectedClasses(ClassList(names: ["b\\xe9", "a", "b\\x5cxe9"]), at: "there")
      #expect(try ClassificationDataset(folder).matched(to: renamed).countsOfClasses == [1, 2, 1])
    }
  }

  @Test("a missing folder is error 66; no class folders, and no pictures at all, are error 65, with what there is")
  func errors() throws {
    try Fixtures.withTemporaryDirectory { directory in
      func error(_ root: String) -> InputError? { thrown(InputError.self) { try ImageFolder(root: root) } }
      #expect(error(directory + "/none")?.exitCode == .missingFile)
      try make(["train/a.jpg"], in: directory)
      let flat = error(directory + "/train")
      #expect(flat?.exitCode == .badData && flat?.description.contains("expected one folder for each class") == true)
      #expect(flat?.description.contains("got 1 picture beside the class folders (\(directory)/train/a.jpg)") == true)
      try make(["train/full/a.webp", "train/empty/readme.txt"], in: directory)
      let empty = error(directory + "/train")
      #expect(empty?.exitCode == .badData)
      #expect(
        empty?.description.hasPrefix("\(directory)/train: expected images (.jpg, .jpeg, .png) in its class folders")
          == true)
      #expect(empty?.description.contains("1 picture of other formats") == true)
      try make(["train/full/a.PNG"], in: directory)
      let dataset = try ClassificationDataset(ImageFolder(root: directory + "/train"))
      #expect(zip(dataset.classNames, dataset.countsOfClasses).filter { $0.1 == 0 }.map(\.0) == ["empty"])
    }
  }

  @Test(
    "two folders whose names are the same to a reader are error 65: nothing that is matched by name tells them apart")
  func equalNames() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try make(["caf\u{e9}/1.jpg", "cafe\u{301}/1.jpg"], in: directory)
      let error = thrown(InputError.self) { try ImageFolder(root: directory) }
      #expect(error?.exitCode == .badData && error?.description.contains("got two of caf") == true)
    }
  }

  @Test("classes are matched by name; what the expected ones lack is error 65 with both lists")
  func classes() throws {
    try Fixtures.withTemporaryDirectory { directory in
      try make(["a/1.jpg", "a/2.jpg", "c/1.jpg"], in: directory)
      let dataset = ClassificationDataset(try ImageFolder(root: directory))
      try dataset.requireClasses(below: 2)
      func message(_ body: () throws -> Void) -> String {
        let error = thrown(InputError.self) { try body() }
        #expect(error?.exitCode == .badData)
        return error?.description ?? ""
      }
      #expect(message { try dataset.requireClasses(below: 1) }.contains("has 2 classes, the model has 1"))
      func expected(_ names: String...) -> ExpectedClasses { ExpectedClasses(ClassList(names: names), at: "the run") }
      let matched = try dataset.matched(to: expected("c", "b", "a"))
      #expect((0..<3).map { matched.label(at: $0) } == [2, 2, 0] && matched.classNames == ["c", "b", "a"])
      #expect(matched.countsOfClasses == [1, 0, 2] && matched.classNames[1] == "b")
      let unknown = message { _ = try dataset.matched(to: expected("a", "b")) }
      #expect(unknown.hasPrefix("\(directory): class c: expected one of the classes of the run"))
      #expect(unknown.contains("the run: a, b\n") && unknown.contains("\(directory): a, c\n"))
      try expected("c", "a").requireAll(dataset.classNames, in: dataset.name)
      #expect(
        message { try expected("a", "b", "c").requireAll(dataset.classNames, in: dataset.name) }
          .contains("class b: expected as in the run, got none"))

      let images = LabeledImages(channels: 1, height: 1, width: 1, pixels: [1, 2, 3], labels: [0, 7, 9])
      let memory = ClassificationDataset(images, name: "file", classNames: (0..<10).map { "\($0)" })
      try memory.requireClasses(below: 10)
      #expect(
        message { try memory.requireClasses(below: 8) }.hasPrefix("file: class of picture 2: expected 0 to 7, as the"))
      // Of pictures in memory only the classes count that there are pictures of.
      let few = try memory.matched(to: expected("9", "7", "0"))
      #expect((0..<3).map { few.label(at: $0) } == [2, 1, 0])
      #expect(message { _ = try memory.matched(to: expected("0", "9")) }.contains("class 7: expected one of"))
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
