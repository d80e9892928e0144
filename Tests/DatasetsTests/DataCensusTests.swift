import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Oracle: what the test puts into the data set.
@Suite struct DataCensusTests {
  private typealias Box = [Double]

  /// A data set of 100x80 pictures, one for each list of boxes, with classes of the boxes in turn; `body` gets its folder.
  private func withCensus(
    _ images: [[Box]], names: [String]? = nil, width: Int = 100, height: Int = 80, crowds: Set<Int> = [],
    split: DataSplit = .train, depth: DataCensus.Depth = .headers, prepare: (String) throws -> Void = { _ in },
    _ body: (DataCensus) throws -> Void
  ) throws {
    try Fixtures.withTemporaryDirectory { directory in
      let folder = "\(directory)/images"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let file = Fixtures.picture(width: width, height: height).jpegFile()
      var (pictures, annotations): ([[String: Any]], [[String: Any]]) = ([], [])
      for (number, boxes) in images.enumerated() {
        let name = names?[number] ?? "\(number).jpg"
        if names == nil { try writeFile(file, to: "\(folder)/\(name)") }
        pictures.append(["id": number, "file_name": name, "width": width, "height": height])
        for box in boxes {
          annotations.append([
            "id": annotations.count + 1, "image_id": number, "category_id": 1 + annotations.count % 2, "bbox": box,
            "iscrowd": crowds.contains(annotations.count) ? 1 : 0,
          ])
        }
      }
      try prepare(folder)
      let root: [String: Any] = [
        "images": pictures, "annotations": annotations,
        "categories": [["id": 1, "name": "ant"], ["id": 2, "name": "bee"]],
      ]
      try JSONSerialization.data(withJSONObject: root).write(to: URL(fileURLWithPath: "\(directory)/a.json"))
      let index = try COCOIndex.open(annotations: "\(directory)/a.json", cache: "\(directory)/cache")
      let dataset = try DetectionDataset(index: index, imageDirectory: folder, numbering: .byOrder, classCount: 2)
      let census = DataCensus(dataset, split, depth)
      // What is counted as used is what training gets, where all files are looked for without those that are missing.
      let read = (0..<images.count).filter {
        depth == .headers || FileManager.default.fileExists(atPath: dataset.imagePath(at: $0))
      }
      let objects = try #require(census.objects)
      #expect(objects.used == read.reduce(0) { $0 + dataset.objects(at: $1).boxes.count })
      #expect(objects.faults == read.reduce(0) { $0 + dataset.objects(at: $1).faults.count })
      let dropped = objects.crowds + objects.faults + (objects.ofMissingImages ?? 0)
      #expect(objects.used + dropped == objects.count && objects.count == images.reduce(0) { $0 + $1.count })
      #expect(census.classes.reduce(0) { $0 + $1.count } == objects.used)
      try body(census)
    }
  }

  private func error(_ body: () throws -> Void) -> String {
    let error = thrown(InputError.self, by: body)
    #expect(error?.exitCode == .badData)
    return error?.description ?? ""
  }

  @Test("images, objects, what is dropped, classes and sizes are counted, with the first of each kind")
  func counts() throws {
    let images: [[Box]] = [
      [[10, 10, 20, 20], [5, 5, 50, 50], [0, 0, 100, 80]], [[10, 10, 0, 4], [30, 30, 5, 5]], [],
      [[400, 300, 60, 60], [-30, 5, 20, 20], [90, 70, 30, 9]],
    ]
    try withCensus(images, crowds: [1]) { census in
      let objects = try #require(census.objects)
      #expect(census.images == 4 && objects.imagesWithout == 1)
      #expect(objects.count == 8 && objects.crowds == 1 && objects.used == 4)
      #expect(objects.withoutArea.count == 1 && objects.outsideImage.count == 2 && objects.beyondEdges.count == 3)
      // Of seven in turn ant, bee, ant, ...: the third is an ant, the fifth too, the first and the eighth.
      #expect(census.classes == [.init(name: "ant", count: 3), .init(name: "bee", count: 1)])
      #expect(census.sizes?.smallest == .init(width: 100, height: 80))
      #expect(census.files.sampled == 4 && census.files.unreadable.count == 0 && census.files.decoded == 0)
      for words in [
        "4 training images of 2 classes in ", "4, 1 without objects, 100x80 pixels", "8, 4 used; dropped: 1 crowds",
        "1 without area: ", "annotation 4 of 1.jpg has a box of 0.0x4.0", "2 outside their images: ",
        "annotation 6 of 3.jpg has a box outside its image, [400.0, 300.0, 60.0, 60.0] in 100x80 pixels",
        "ant 3, bee 1",
        "none of 4 images looked into states an EXIF orientation",
      ] { #expect(census.text.contains(words), "\(words) in \(census.text)") }
      try census.requireLearnable(maximumFaults: 3)
      #expect(error { try census.requireLearnable(maximumFaults: 2) }.contains("data.max_faults allows 2"))
      #expect(error { try census.requireEvaluable() }.contains("annotation 4 of 1.jpg has a box of 0.0x4.0"))
      let copy = try JSONDecoder().decode(DataCensus.self, from: JSONEncoder().encode(census))
      #expect(copy.text == census.text)
    }
  }

  @Test("objects of missing images are dropped where every file is looked for; a sample says nothing about them")
  func missingImages() throws {
    let images: [[Box]] = [
      [[10, 10, 20, 20], [5, 5, 50, 50], [10, 10, 0, 4]], [[30, 30, 5, 5]], [[10, 10, 20, 20], [30, 30, 0, 5]], [],
    ]
    func remove(_ folder: String) throws { try FileManager.default.removeItem(atPath: "\(folder)/0.jpg") }
    try withCensus(images, crowds: [1], depth: .files, prepare: remove) { census in
      let objects = try #require(census.objects)
      // Of the three of the missing image one would be used, one is a crowd and one has no area.
      #expect(objects.count == 6 && objects.used == 2 && objects.ofMissingImages == 3)
      #expect(objects.crowds == 0 && objects.withoutArea.count == 1 && objects.imagesWithout == 1)
      #expect(census.classes == [.init(name: "ant", count: 1), .init(name: "bee", count: 1)])
      #expect(
        census.text.contains("6, 2 used; dropped: 3 of missing images, 1 without area: annotation 6"), "\(census)")
      let copy = try JSONDecoder().decode(DataCensus.self, from: JSONEncoder().encode(census))
      #expect(copy.objects?.ofMissingImages == 3)
    }
    try withCensus(images, crowds: [1], prepare: remove) { census in
      #expect(census.files.missing.count == 1 && census.objects?.ofMissingImages == nil && census.objects?.used == 3)
      #expect(!census.text.contains("of missing images"), "\(census.text)")
    }
    try withCensus(images, depth: .files) { #expect($0.objects?.ofMissingImages == 0) }
    // With nothing there, the folder is what is wrong, not the annotations.
    try withCensus(
      [images[1]], depth: .files, prepare: { try FileManager.default.removeItem(atPath: "\($0)/0.jpg") }
    ) { census in
      #expect(error { try census.requireLearnable(maximumFaults: 9) }.contains("1 of 1 images are not in "))
    }
  }

  @Test("a file that is missing or broken in the sample ends an evaluation before it starts, with its name")
  func filesOfEvaluation() throws {
    let images = (0..<4).map { _ -> [Box] in [[10, 10, 20, 20]] }
    try withCensus(images, split: .validation) { try $0.requireFiles() }
    try withCensus(
      images, split: .validation, prepare: { try FileManager.default.removeItem(atPath: "\($0)/2.jpg") }
    ) { census in
      try census.requireEvaluable()
      let message = error(census.requireFiles)
      #expect(message.contains("/a.json: ") && message.contains("/images/2.jpg is missing, which is listed as image 2"))
      #expect(message.contains("take their images out of the data; say where the images lie with --set data.val"))
    }
    try withCensus(images, split: .validation, prepare: { try writeFile([7], to: "\($0)/1.jpg") }) { census in
      #expect(error(census.requireFiles).contains("/images/1.jpg: cannot be decoded"))
    }
  }

  @Test("boxes below a pixel are counted and used, and many of them are a warning with the likely cause")
  func belowPixel() throws {
    let good: [Box] = [[10, 10, 20, 20], [30, 10, 1, 1], [5, 5, 1, 40]]
    try withCensus([good]) { #expect($0.objects?.belowPixel.count == 0 && $0.warnings.isEmpty, "\($0.warnings)") }
    // A fifth is not more than a fifth.
    try withCensus([good + [[10, 20, 0.5, 30], [40, 20, 20, 20]]]) { census in
      let objects = try #require(census.objects)
      #expect(objects.used == 5 && objects.belowPixel.count == 1 && census.warnings.isEmpty, "\(census.warnings)")
      let words = "5, 5 used; 1 narrower or lower than a pixel: annotation 4 of 0.jpg, [10.0, 20.0, 0.5, 30.0]"
      #expect(census.text.contains(words), "\(census.text)")
      let copy = try JSONDecoder().decode(DataCensus.self, from: JSONEncoder().encode(census))
      #expect(copy.objects?.belowPixel == objects.belowPixel && copy.text == census.text)
    }
    let centred: [Box] = [[40, 30, 0.4, 0.5], [20, 30, 0.2, 0.99], [60, 50, 0.1, 1]]
    let slivers: [Box] = [[40, 30, 0.4, 20], [99.5, 30, 0.4, 20], [60, 50, 30, 0.25]]
    for (boxes, cause) in [
      (centred, "width and height look relative to the images' sizes: multiply them"),
      (slivers, "they look like what rounding or cutting has left"),
    ] {
      for split in [DataSplit.train, .validation] {
        try withCensus([good, boxes], split: split) { census in
          #expect(census.objects?.used == 6 && census.warnings.count == 1, "\(census.warnings)")
          let start =
            "3 of 6 boxes are narrower or lower than a pixel (first: annotation 4 of 1.jpg, [40.0, 30.0, 0.4, "
          #expect(census.warnings[0].hasPrefix(start) && census.warnings[0].contains(cause), "\(census.warnings)")
          try census.requireUsable(maximumFaults: 0)
        }
      }
    }
    // Boxes of 0 to 1 are told once.
    try withCensus([good, [[0.1, 0.2, 0.5, 0.5]]]) { census in
      #expect(census.objects?.belowPixel.count == 1 && census.objects?.withinOne.count == 1)
      #expect(census.warnings.count == 1 && census.warnings[0].contains("are within 0 to 1"), "\(census.warnings)")
    }
  }

  @Test("boxes of 0 to 1 are an error that says so, in training and in evaluation")
  func relative() throws {
    let images: [[Box]] = [[[0.1, 0.2, 0.5, 0.5], [0, 0, 1, 1]], [[0.5, 0.5, 0.25, 0.25]]]
    try withCensus(images) { census in
      for check in [{ try census.requireLearnable(maximumFaults: 100) }, census.requireEvaluable] {
        let message = error(check)
        #expect(message.contains("got 3 of 3 boxes within 0 to 1 (annotation 1 of 0.jpg"), "\(message)")
        #expect(message.contains("relative to the images' sizes"), "\(message)")
      }
    }
    // A pixel at the corner is no share of anything, and neither is a picture of few pixels.
    try withCensus([[[0, 0, 1, 1], [20, 20, 20, 20]]]) { try $0.requireLearnable(maximumFaults: 0) }
    try withCensus([[[0, 0, 1, 1]]], width: 8, height: 8) { try $0.requireLearnable(maximumFaults: 0) }
  }

  @Test("other readings of four numbers are warnings that name them; boxes that overlap the edge a little are not")
  func readings() throws {
    let sound: [Box] = [[50, 40, 40, 30], [10, 30, 60, 40], [60, 10, 30, 60], [40, 50, 50, 20]]
    let corners = sound.map { [$0[0], $0[1], $0[0] + $0[2], $0[1] + $0[3]] }
    let centres = sound.map { [$0[0] + $0[2] / 2, $0[1] + $0[3] / 2, $0[2], $0[3]] }
    let larger = sound.map { $0.map { $0 * 1.3 } }
    for (boxes, words) in [
      (corners, "4 of 4 boxes reach beyond their images (first: annotation 1 of 0.jpg"),
      (corners, "two corners [x1, y1, x2, y2]"), (centres, "[centre x, centre y, width, height]"),
      (larger, "drawn on images of another size"),
    ] {
      try withCensus([boxes]) { census in
        #expect(census.warnings.count == 1 && census.warnings[0].contains(words), "\(words): \(census.warnings)")
        try census.requireLearnable(maximumFaults: 0)
      }
    }
    for boxes in [sound, sound.map { [$0[0], $0[1], 102 - $0[0], 82 - $0[1]] }] {
      try withCensus([boxes]) { #expect($0.warnings.isEmpty, "\($0.warnings)") }
    }
    // One of sixteen suffices where all look like corners, and does not where they cannot be.
    let small = (0..<15).map { [Double($0), 5, 30, 20] }
    try withCensus([small + [[60, 50, 90, 70]]]) { #expect($0.warnings.first?.contains("two corners") == true) }
    try withCensus([small + [[60, 50, 50, 20]]]) { #expect($0.warnings.isEmpty, "\($0.warnings)") }
    let percentages = (0..<20).map { [Double($0), 4, 60, 70] }
    try withCensus([percentages], width: 640, height: 480) { census in
      #expect(census.warnings.count == 1 && census.warnings[0].contains("are they percentages"), "\(census.warnings)")
    }
    try withCensus([percentages + [[300, 300, 20, 20]]], width: 640, height: 480) { #expect($0.warnings.isEmpty) }
  }

  @Test("nothing to learn from is an error, however many faults are allowed")
  func nothing() throws {
    let outside: Box = [400, 300, 60, 60]
    let good: Box = [10, 10, 20, 20]
    func learn(_ images: [[Box]], crowds: Set<Int> = []) throws -> String {
      var message = ""
      try withCensus(images, crowds: crowds) { census in
        message = error { try census.requireLearnable(maximumFaults: 1000) }
      }
      return message
    }
    #expect(try learn([[outside], [outside]]).contains("2 objects in 2 images, 0 of them usable"))
    #expect(try learn([[outside], [outside]]).contains("were they drawn on images of another size?"))
    #expect(try learn([[good]], crowds: [0]).contains("there is nothing to learn from (1 crowds)"))
    #expect(try learn([[], []]).contains("expected objects to learn from, got 2 images without any"))
    #expect(try learn([[outside, outside, good]]).contains("more than half would be dropped"))
    try withCensus([[outside, good]]) { try $0.requireLearnable(maximumFaults: 1) }
    try withCensus([[outside, good]], split: .validation) { census in
      try census.requireEvaluable()
      #expect(census.faults == 1 && census.text.contains("2; among them 1 outside their images: annotation 1 of 0.jpg"))
      #expect(census.warnings.contains { $0.contains("1 boxes lie outside their images, where nothing can find them") })
    }
    try withCensus([[]], split: .validation) {
      #expect($0.warnings.contains { $0.contains("every figure will be -1") })
    }
  }

  @Test("names of other systems are read where only so a file exists, those that lead outside are counted")
  func names() throws {
    let box: [Box] = [[10, 10, 20, 20]]
    let picture = Fixtures.picture(width: 100, height: 80)
    let names = ["a\\1.jpg", "b/2.jpg", "../3.jpg", "c\\4.jpg", "a\\..\\..\\3.jpg", "a/../b/2.jpg", "..5..jpg"]
    try withCensus(
      names.map { _ in box }, names: names, depth: .files,
      prepare: { folder in
        for name in ["a", "b"] {
          try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        for name in ["a/1.jpg", "b/2.jpg", "../3.jpg", "c\\4.jpg", "..5..jpg"] {
          try picture.write(to: "\(folder)/\(name)")
        }
      }
    ) { census in
      #expect(census.files.missing.count == 0 && census.files.unreadable.count == 0 && census.files.decoded == 7)
      #expect(census.translatedNames.count == 2 && census.translatedNames.first?.hasPrefix("a\\1.jpg is ") == true)
      #expect(census.translatedNames.first?.hasSuffix("/images/a/1.jpg") == true)
      #expect(census.outsideNames.count == 2 && census.outsideNames.first == "../3.jpg")
      #expect(!ListedName("../images/a/1.jpg").leadsOutside("/d/images", path: "/d/images/../images/a/1.jpg"))
      #expect(census.warnings.count == 2)
      #expect(census.warnings.contains { $0.contains("2 names have backslashes") })
      #expect(census.warnings.contains { $0.contains("2 names lead out of the folder") && $0.contains("../3.jpg") })
    }
  }

  @Test("an absolute name is taken as such where that file exists")
  func absoluteNames() throws {
    try Fixtures.withTemporaryDirectory { elsewhere in
      try Fixtures.picture(width: 100, height: 80).write(to: "\(elsewhere)/1.jpg")
      let names = ["\(elsewhere)/1.jpg", "/2.jpg"]
      try withCensus(
        [[[10, 10, 20, 20]], []], names: names, depth: .files,
        prepare: { try Fixtures.picture(width: 100, height: 80).write(to: "\($0)/2.jpg") }
      ) { census in
        #expect(census.files.missing.count == 0 && census.files.decoded == 2)
        #expect(census.outsideNames.count == 1 && census.outsideNames.first == names[0])
      }
    }
  }

  @Test("more than half of the files missing or broken is an error with advice that works; half is not")
  func loss() throws {
    let images = (0..<4).map { _ -> [Box] in [[10, 10, 20, 20]] }
    func remove(_ count: Int) -> (String) throws -> Void {
      { folder in for number in 0..<count { try FileManager.default.removeItem(atPath: "\(folder)/\(number).jpg") } }
    }
    for depth in [DataCensus.Depth.headers, .files] {
      try withCensus(images, depth: depth, prepare: remove(2)) { census in
        #expect(census.files.missing.count == 2 && census.lossOfImages == nil)
        try census.requireLearnable(maximumFaults: 0)
      }
      try withCensus(images, depth: depth, prepare: remove(3)) { census in
        let message = error { try census.requireLearnable(maximumFaults: 100) }
        #expect(
          message.contains("3 of 4 images are not in ") && message.contains("/images/0.jpg is missing"), "\(message)")
        #expect(message.contains("--set data.train.images=DIR, where DIR/0.jpg is a file"), "\(message)")
      }
      try withCensus(
        images, depth: depth,
        prepare: { folder in for number in 0..<3 { try writeFile([7], to: "\(folder)/\(number).jpg") } }
      ) { census in
        #expect(census.files.unreadable.count == 3)
        #expect(error { try census.requireEvaluable() }.contains("3 of 4 images that were looked into cannot be used"))
      }
    }
    // One missing and two broken are more than half together.
    for depth in [DataCensus.Depth.headers, .files] {
      try withCensus(
        images, depth: depth,
        prepare: { folder in
          try FileManager.default.removeItem(atPath: "\(folder)/3.jpg")
          for number in 0..<2 { try writeFile([7], to: "\(folder)/\(number).jpg") }
        }
      ) { census in
        let message = error { try census.requireEvaluable() }
        #expect(message.contains("2 of \(depth == .files ? 3 : 4) images that were looked into"), "\(message)")
        #expect(message.contains("1 of 4 are missing"), "\(message)")
      }
    }
    // The folder's own name leads, and a folder of another machine.
    for (name, advice) in [
      ("images/0.jpg", "file names begin with the folder's own name: --set data.val.images="),
      ("D:\\photos\\0.jpg", "the folder has 0.jpg: cut what precedes it from every \"file_name\""),
      ("/home/them/0.jpg", "the folder has 0.jpg: cut what precedes it from every \"file_name\""),
    ] {
      try withCensus(
        [images[0]], names: [name], split: .validation, depth: .files,
        prepare: { try Fixtures.picture(width: 100, height: 80).write(to: "\($0)/0.jpg") }
      ) { census in
        let found = try #require(census.files.advice)
        #expect(found.contains(advice), "\(found)")
        if let parent = found.split(separator: "=").last, found.contains("data.val.images=") {
          #expect(FileManager.default.fileExists(atPath: "\(parent)/\(name)"))
        }
      }
    }
  }

  @Test("a name with a zero character is error 65, since the system would cut it")
  func zeroCharacter() throws {
    let message = error {
      try withCensus([[], []], names: ["a.jpg", "a.jpg\0.png"]) { _ in }
    }
    #expect(message.contains("image 1: \"file_name\"") && message.contains("a.jpg\\u{0}.png"), "\(message)")
  }

}
