import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Oracle: masks made pixel by pixel, placements worked out by hand, and the documented messages.
@Suite struct SegmentationDataTests {
  private static let three = ClassList(names: ["background", "cat", "dog"])

  /// A data set of pictures of 6x4 pixels with these masks, listed in the order of their names.
  private func write(_ masks: [String: ClassMask], in folder: TemporaryDirectory, list: String? = nil) throws
    -> SegmentationDataset.Files
  {
    for part in ["JPEGImages", "SegmentationClass", "ImageSets/Segmentation"] {
      try FileManager.default.createDirectory(atPath: folder.file(part), withIntermediateDirectories: true)
    }
    for (name, mask) in masks {
      try writeFile(
        RGBImage(width: 6, height: 4, red: 90, green: 60, blue: 200).jpegFile(),
        to: folder.file("JPEGImages/\(name).jpg"))
      try writeFile(mask.pngFile(), to: folder.file("SegmentationClass/\(name).png"))
    }
    _ = try folder.write(
      list ?? masks.keys.sorted().joined(separator: "\n"), to: "ImageSets/Segmentation/train.txt")
    return SegmentationDataset.Files(root: folder.path, list: "train")
  }

  private func mask(_ value: (Int) -> Int = { $0 % 3 }) -> ClassMask {
    ClassMask(width: 6, height: 4, classes: (0..<24).map { UInt8(value($0)) })
  }

  @Test("a mask is written with PASCAL VOC's palette and read back, whatever number a pixel has")
  func palette() throws {
    let mask = ClassMask(width: 16, height: 16, classes: (0..<256).map { UInt8($0) })
    #expect(try MaskFile.decode(mask.pngFile(), name: "a") == mask)
    // The devkit's first colours, and that of the void.
    let colors: [UInt8: [UInt8]] = [
      0: [0, 0, 0], 1: [128, 0, 0], 2: [0, 128, 0], 3: [128, 128, 0], 15: [192, 128, 128], 255: [224, 224, 192],
    ]
    for (number, color) in colors {
      let found = VOCPalette.color(number)
      #expect([found.red, found.green, found.blue] == color, "\(number)")
    }
  }

  @Test("grey masks of 1, 2, 4 and 8 bits hold the stored numbers, not shades", arguments: [1, 2, 4, 8])
  func grey(depth: Int) throws {
    // A row of 5 pixels, the last one in a byte of its own where bits are few: made byte by byte.
    let count = min(1 << depth, 5)
    let classes = (0..<10).map { UInt8($0 % count) }
    let file = greyPNG(width: 5, height: 2, depth: depth, classes)
    #expect(try MaskFile.decode(file, name: "a") == ClassMask(width: 5, height: 2, classes: classes))
  }

  @Test("labels are TensorFlow's nearest neighbours at every eighth pixel; padding is what was asked for")
  func labels() {
    let mask = ClassMask(width: 4, height: 2, classes: [0, 1, 2, 3, 4, 5, 6, 7])
    var placement = Placement(
      sourceWidth: 4, sourceHeight: 2, isFlipped: false, scale: 8, resizedWidth: 32, resizedHeight: 16, cropX: 0,
      cropY: 0, canvasWidth: 40, canvasHeight: 24)
    #expect(placement.labels(of: mask, every: 8, padding: 9) == [0, 1, 2, 3, 9, 4, 5, 6, 7, 9, 9, 9, 9, 9, 9])
    placement.isFlipped = true
    #expect(placement.labels(of: mask, every: 8, padding: 0) == [3, 2, 1, 0, 0, 7, 6, 5, 4, 0, 0, 0, 0, 0, 0])
    (placement.cropX, placement.canvasWidth, placement.canvasHeight) = (8, 17, 9)
    // Positions 8, 16 and 24 of the flipped picture.
    #expect(placement.labels(of: mask, every: 8, padding: 0) == [2, 1, 0, 6, 5, 4])
  }

  @Test("names are matched with the classes that are expected, and masks get their numbers")
  func matched() throws {
    let folder = try TemporaryDirectory("voc")
    let files = try write(["a": mask { $0 == 5 ? 255 : $0 % 3 }], in: folder)
    let expected = ExpectedClasses(ClassList(names: ["background", "dog", "cow", "cat"]), at: "the checkpoint")
    let dataset = try SegmentationDataset(files, stored: Self.three, expected: expected)
    let found = try SegmentationReader().read(dataset, at: 0)
    let renumbered = mask { $0 == 5 ? 255 : [0, 3, 1][$0 % 3] }
    #expect(found == renumbered)
    #expect(dataset.classes.names == ["background", "dog", "cow", "cat"])
    #expect(throws: InputError.self) {
      try SegmentationDataset(
        files, stored: Self.three, expected: ExpectedClasses(ClassList(names: ["background", "cat"]), at: "a"))
    }
  }

  @Test("lists of names and of pairs of paths name the same files; blank lines and Windows' line ends mean nothing")
  func lists() throws {
    let folder = try TemporaryDirectory("voc")
    let masks = ["a": mask(), "b": mask { _ in 1 }]
    let named = try SegmentationDataset(
      try write(masks, in: folder, list: "\u{FEFF}a\r\n\r\n b \r\n"), stored: Self.three)
    let paths = "/JPEGImages/a.jpg /SegmentationClass/a.png\nJPEGImages/b.jpg SegmentationClass/b.png\n"
    let paired = try SegmentationDataset(try write(masks, in: folder, list: paths), stored: Self.three)
    for dataset in [named, paired] {
      #expect(dataset.count == 2)
      #expect(try SegmentationReader().read(dataset, at: 1) == mask { _ in 1 })
    }
    #expect(named.contentHash == paired.contentHash)
  }

  @Test(
    "a list that is none is error 65 with its line",
    arguments: [
      ("", "expected names of images, got none"), ("a\na\n", "train.txt:2: a stands at "),
      ("a -1\n", "ImageSets/Main"), ("../a\n", "train.txt:1: expected the name of an image"),
      ("a b c\n", "got 3 words"), ("a\nmissing\n", "missing.png: the mask is missing"),
    ])
  func badLists(text: String, words: String) throws {
    let folder = try TemporaryDirectory("voc")
    let files = try write(["a": mask()], in: folder, list: text)
    let thrown = thrown((any Error).self) { try SegmentationDataset(files, stored: Self.three) }
    let error = try #require(thrown as? any UserError)
    #expect(error.exitCode == .badData && error.description.contains(words), "\(error)")
  }

  @Test(
    "a mask that contradicts its picture or the classes is said with the place",
    arguments: [
      "size", "number", "rgb", "jpeg", "empty",
    ])
  func badMasks(kind: String) throws {
    let folder = try TemporaryDirectory("voc")
    let files = try write(["a": mask()], in: folder)
    let path = folder.file("SegmentationClass/a.png")
    let words: String
    switch kind {
    case "size":
      try writeFile(ClassMask(width: 3, height: 4, classes: Array(repeating: 0, count: 12)).pngFile(), to: path)
      words = "the mask is 3x4, its image \(folder.file("JPEGImages/a.jpg")) is 6x4"
    case "number":
      try writeFile(mask { $0 == 13 ? 3 : 0 }.pngFile(), to: path)
      words = "pixel (1, 2): expected a class from 0 to 2, or 255 for void, got 3"
    case "rgb":
      try writeFile(RGBImage(width: 6, height: 4).pngFile(), to: path)
      words = "got RGB colours"
    case "jpeg":
      try writeFile(RGBImage(width: 6, height: 4).jpegFile(), to: path)
      words = "expected a mask as PNG"
    default:
      try writeFile([], to: path)
      words = "expected a mask as PNG"
    }
    let dataset = try SegmentationDataset(files, stored: Self.three)
    let error = thrown(MaskError.self) { try SegmentationReader().read(dataset, at: 0) }
    #expect(
      error?.description.hasPrefix(path) == true && error?.description.contains(words) == true,
      "\(String(describing: error))")
    let census = DataCensus(dataset, .train, .headers)
    #expect(throws: InputError.self) { try census.requireUsable(maximumFaults: 100) }
  }

  @Test("the census counts masks, void pixels and the masks with each class; black and white masks are suspected")
  func census() throws {
    let folder = try TemporaryDirectory("voc")
    let files = try write(["a": mask { $0 < 6 ? 255 : 1 }, "b": mask { _ in 2 }], in: folder)
    let census = DataCensus(try SegmentationDataset(files, stored: Self.three), .train, .files)
    #expect(census.classes.map(\.count) == [0, 1, 1])
    #expect(census.masks?.sampled == 2 && census.masks?.pixels == 48 && census.masks?.voidPixels == 6)
    #expect(
      census.text.contains("2 looked into, 12.5 % of the pixels void") && census.warnings.isEmpty, "\(census.text)")
    try FileManager.default.removeItem(atPath: folder.file("JPEGImages/b.jpg"))
    let lacking = DataCensus(try SegmentationDataset(files, stored: Self.three), .validation, .files)
    #expect(lacking.files.missing.count == 1 && lacking.files.isEachLookedFor && lacking.masks?.sampled == 1)
    #expect(throws: InputError.self) { try lacking.requireFiles() }
    let bright = try write(["a": mask { $0 < 20 ? 255 : 0 }, "b": mask { _ in 255 }], in: folder)
    let suspicious = DataCensus(try SegmentationDataset(bright, stored: Self.three), .train, .files)
    #expect(suspicious.warnings.contains { $0.contains("masks of black and white") })
  }

  @Test("names of classes are read with and without numbers before them")
  func classNames() throws {
    let folder = try TemporaryDirectory("classes")
    let numbered = try ClassList(file: folder.write("0 background\n1 cat\n2 big dog\n255 void\n", to: "a"))
    #expect(numbered.names == ["background", "cat", "big dog"])
    let plain = try ClassList(file: folder.write("background\r\ncat\r\n", to: "b"))
    #expect(plain.names == ["background", "cat"])
    for text in ["1 cat\n", "cat\ncat\n", "\n"] {
      #expect(throws: InputError.self) { try ClassList(file: folder.write(text, to: "c")) }
    }
  }

  @Test("drawn shapes have masks: every object's pixels carry its number, and rims are void")
  func shapes() throws {
    let cache = try TemporaryDirectory("cache")
    let specification = ShapesSpecification(width: 64, height: 64, trainCount: 3, validationCount: 1)
    let root = try ShapesDataset.root(of: specification, layout: .masks, cache: cache.path)
    let dataset = try SegmentationDataset(
      SegmentationDataset.Files(root: root, list: "train"), stored: ShapesDataset.maskClasses)
    #expect(dataset.count == 3)
    for number in 0..<3 {
      let picture = specification.picture(number, part: 0)
      let mask = try SegmentationReader().read(dataset, at: number)
      for object in picture.objects {
        let own = mask.classes.count { $0 == UInt8(object.kind.categoryID) }
        let all = picture.objects.filter { $0.kind == object.kind }.map(\.area).reduce(0, +)
        // The rim is void: what is left is less than what is covered, by no more than a ring of two pixels.
        #expect(Float(own) < all && Float(own) > 0.5 * all)
      }
      #expect(mask.classes.contains(255) && mask.classes.contains(0))
    }
  }
}

/// A grey PNG file of few bits, as its definition has it: filter 0, rows of whole bytes, stored without compression.
private func greyPNG(width: Int, height: Int, depth: Int, _ values: [UInt8]) -> [UInt8] {
  var rows: [UInt8] = []
  for y in 0..<height {
    var row = [UInt8](repeating: 0, count: (width * depth + 7) / 8)
    for x in 0..<width {
      let bit = x * depth
      row[bit / 8] |= values[y * width + x] << UInt8(8 - depth - bit % 8)
    }
    rows += [0] + row
  }
  func bigEndian(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
  func crc(_ bytes: [UInt8]) -> UInt32 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return ~crc
  }
  func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
    let body = Array(name.utf8) + content
    return bigEndian(UInt32(content.count)) + body + bigEndian(crc(body))
  }
  var (a, b): (UInt32, UInt32) = (1, 0)
  for byte in rows { (a, b) = ((a + UInt32(byte)) % 65521, (b + (a + UInt32(byte)) % 65521) % 65521) }
  let length = UInt16(rows.count)
  let deflated: [UInt8] =
    [0x78, 0x01, 0x01, UInt8(length & 255), UInt8(length >> 8), UInt8(~length & 255), UInt8(~length >> 8)] + rows
    + bigEndian(b << 16 | a)
  return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
    + chunk("IHDR", bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [UInt8(depth), 0, 0, 0, 0])
    + chunk("IDAT", deflated) + chunk("IEND", [])
}
