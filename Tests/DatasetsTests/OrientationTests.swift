import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Oracle: EXIF's table of where the stored picture's first row and first column are seen; Pillow's `exif_transpose` follows
/// the same one.
@Suite struct OrientationTests {
  /// Where the first row and the first column of the stored picture are seen.
  private static let sides: [(orientation: Int, row: Side, column: Side)] = [
    (1, .top, .left), (2, .top, .right), (3, .bottom, .right), (4, .bottom, .left), (5, .left, .top), (6, .right, .top),
    (7, .right, .bottom), (8, .left, .bottom),
  ]
  private enum Side { case top, bottom, left, right }

  /// The picture as it is seen, pixel by pixel from the table.
  private func seen(_ stored: RGBImage, _ orientation: Int) throws -> RGBImage {
    let (_, row, column) = try #require(Self.sides.first { $0.orientation == orientation })
    let isExchanged = row == .left || row == .right
    let (width, height) = isExchanged ? (stored.height, stored.width) : (stored.width, stored.height)
    var result = RGBImage(width: width, height: height)
    for y in 0..<stored.height {
      for x in 0..<stored.width {
        var place = (x: 0, y: 0)
        for (side, distance) in [(row, y), (column, x)] {
          switch side {
          case .top: place.y = distance
          case .bottom: place.y = height - 1 - distance
          case .left: place.x = distance
          case .right: place.x = width - 1 - distance
          }
        }
        for channel in 0..<3 {
          result.pixels[(place.y * width + place.x) * 3 + channel] = stored.pixels[(y * stored.width + x) * 3 + channel]
        }
      }
    }
    return result
  }

  @Test(
    "a file with each orientation, in both byte orders, is turned as viewers do, and read as stored", arguments: 1...8)
  func turned(orientation: Int) throws {
    let picture = Fixtures.picture(width: 21, height: 13)
    let reader = ImageReader()
    try Fixtures.withTemporaryDirectory { directory in
      let path = "\(directory)/a"
      for isBigEndian in [false, true] {
        let data = exifData(orientation: orientation, isBigEndian: isBigEndian)
        let png = pngFile(picture.pngFile(), withEXIF: data)
        let jpeg = jpegFile(picture.jpegFile(quality: 95, chroma: .none), withEXIF: data)
        for file in [png, jpeg] {
          try writeFile(file, to: path)
          #expect(try reader.read(path) == (21, 13))
          #expect(reader.orientation.rawValue == orientation && !reader.isTurned)
          let stored = reader.image
          let size = try reader.read(path, .apply)
          let expected = try seen(stored, orientation)
          #expect(size == (expected.width, expected.height) && reader.isTurned == (orientation != 1))
          let isEqual = reader.image == expected
          #expect(isEqual, "\(file == png ? "PNG" : "JPEG") \(isBigEndian)")
        }
      }
    }
  }

  @Test(
    "a picture decoded with fewer pixels is the turned one, with whole pixels at its left and top", arguments: 1...8)
  func reduced(orientation: Int) throws {
    let reader = ImageReader()
    let turn = try #require(ImageOrientation(rawValue: orientation))
    try Fixtures.withTemporaryDirectory { directory in
      let path = "\(directory)/a.jpg"
      for (width, height) in [(64, 48), (68, 44), (67, 48), (64, 46), (67, 45)] {
        let stored = Fixtures.picture(width: width, height: height).jpegFile(quality: 95, chroma: .none)
        try writeFile(
          jpegFile(stored, withEXIF: exifData(orientation: orientation, isBigEndian: false)), to: path)
        try reader.read(path, .apply)
        let whole = reader.image
        for wanted in JPEGReduction.allCases {
          let size = try reader.read(path, .apply, reduction: wanted)
          #expect(size == turn.turned((width, height)))
          let factor = reader.reduction.factor
          #expect(factor <= wanted.factor)
          if width % 8 == 0 && height % 8 == 0 { #expect(reader.reduction == wanted) }
          let image = reader.image
          try #require(
            image.width == reader.reduction.extent(of: size.width)
              && image.height == reader.reduction.extent(of: size.height))
          // Red rises from left to right and green from top to bottom, so a shift by a pixel shows.
          var sum = 0
          for y in 0..<image.height {
            for x in 0..<image.width {
              for channel in 0..<2 {
                let block = (y * factor..<min((y + 1) * factor, whole.height)).flatMap { row in
                  (x * factor..<min((x + 1) * factor, whole.width)).map { column in
                    Int(whole.pixels[(row * whole.width + column) * 3 + channel])
                  }
                }
                let mean = block.reduce(0, +) / block.count
                sum += abs(Int(image.pixels[(y * image.width + x) * 3 + channel]) - mean)
              }
            }
          }
          let difference = Double(sum) / Double(image.width * image.height * 2)
          #expect(difference < 1.5, "\(width)x\(height) \(wanted)")
        }
      }
    }
  }

  @Test("EXIF data that are cut, point beyond their end or hold another number leave a picture as it is")
  func damaged() {
    let sound = Fixtures.picture(width: 5, height: 4)
    let data = exifData(orientation: 6, isBigEndian: false)
    func orientation(_ data: [UInt8]) -> [ImageOrientation] {
      [
        ImageOrientation(ofFile: jpegFile(sound.jpegFile(), withEXIF: data)),
        ImageOrientation(ofFile: pngFile(sound.pngFile(), withEXIF: data)),
      ]
    }
    let upright = [ImageOrientation.upright, .upright]
    #expect(orientation(data) == [.quarterTurn, .quarterTurn])
    // The orientation is the last entry: two bytes of its value at 30.
    for length in 0..<32 { #expect(orientation(Array(data.prefix(length))) == upright, "\(length) bytes") }
    for (place, value) in [(0, 0x4a), (2, 43), (4, 200), (7, 255), (8, 0), (8, 1), (24, 2), (26, 2), (30, 0), (30, 9)] {
      var changed = data
      changed[place] = UInt8(value)
      #expect(orientation(changed) == upright, "\(value) at \(place)")
    }
    // A file that ends within a segment, or before any.
    let file = jpegFile(sound.jpegFile(), withEXIF: data)
    for length in 0..<60 { _ = ImageOrientation(ofFile: Array(file.prefix(length))) }
    let png = pngFile(sound.pngFile(), withEXIF: data)
    for length in 0..<90 { _ = ImageOrientation(ofFile: Array(png.prefix(length))) }
    #expect(ImageOrientation(ofFile: []) == .upright)
  }

  @Test("by default a picture is turned where only so it has the stated size; else the message names EXIF and the key")
  func stated() throws {
    try Fixtures.withTemporaryDirectory { directory in
      let picture = Fixtures.picture(width: 24, height: 16).jpegFile(quality: 95, chroma: .none)
      try writeFile(
        jpegFile(picture, withEXIF: exifData(orientation: 6, isBigEndian: true)), to: "\(directory)/turned.jpg")
      try writeFile(picture, to: "\(directory)/plain.jpg")
      let json = """
        {"images": [{"id": 1, "file_name": "turned.jpg", "width": 16, "height": 24},
          {"id": 2, "file_name": "turned.jpg", "width": 24, "height": 16},
          {"id": 3, "file_name": "plain.jpg", "width": 16, "height": 24},
          {"id": 4, "file_name": "turned.jpg", "width": 20, "height": 20}],
         "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [2, 3, 10, 12]}],
         "categories": [{"id": 1, "name": "thing"}]}
        """
      try writeFile(Array(json.utf8), to: "\(directory)/a.json")
      let index = try COCOIndex.open(annotations: "\(directory)/a.json", cache: "\(directory)/cache")
      let reader = ImageReader()
      func read(_ rule: OrientationRule, _ position: Int) throws -> Bool {
        let dataset = try DetectionDataset(
          index: index, imageDirectory: directory, numbering: .byOrder, classCount: 1, orientation: rule)
        try reader.read(dataset, at: position)
        #expect(reader.image.width == index.image(at: position).width)
        return reader.isTurned
      }
      func message(_ rule: OrientationRule, _ position: Int) -> String {
        let error = thrown(InputError.self) { try read(rule, position) }
        #expect(error?.exitCode == .badData)
        return error?.description ?? ""
      }
      #expect(try read(.auto, 0))
      #expect(try !read(.auto, 1))
      #expect(try read(.apply, 0))
      #expect(try !read(.ignore, 1))
      #expect(message(.ignore, 0).contains("is 24x16, image 1 of"))
      #expect(message(.ignore, 0).contains("EXIF orientation 6") && message(.ignore, 0).contains("orientation=apply"))
      #expect(message(.apply, 1).contains("EXIF orientation 6") && message(.apply, 1).contains("orientation=ignore"))
      #expect(message(.auto, 2).contains("is 24x16") && message(.auto, 2).contains("the sides are exchanged"))
      #expect(message(.auto, 3).contains("says 20x20") && !message(.auto, 3).contains("EXIF"))
    }
  }
}
