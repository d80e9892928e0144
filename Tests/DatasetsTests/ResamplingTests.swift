import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

/// Oracle: Pillow's crop, resize and PNG reader, by `Goldens/classification_goldens.py`.
struct ResamplingTests {
  private struct Golden: Decodable {
    struct Case: Decodable {
      let filter: String
      let box: [Int]
      let size: [Int]
      let pixels: Data
    }
    struct File: Decodable {
      let mode: String
      let file: Data
      let pixels: Data
    }
    let width: Int
    let height: Int
    let pixels: Data
    let cases: [Case]
    let files: [File]
  }

  private let golden: Golden
  private let image: RGBImage

  init() throws {
    golden = try Fixtures.golden("resample.json", as: Golden.self)
    var image = RGBImage(width: golden.width, height: golden.height)
    image.pixels = [UInt8](golden.pixels)
    self.image = image
  }

  @Test("parts of a picture get Pillow's pixels, enlarged and reduced, by both filters")
  func pillow() {
    var resampler = Resampler()
    for expected in golden.cases {
      var output = RGBImage(width: expected.size[0], height: expected.size[1])
      let (x, y) = (expected.box[0], expected.box[1])
      let box = CropBox(x: x, y: y, width: expected.box[2] - x, height: expected.box[3] - y)
      resampler.resample(
        image, PixelBox(box, reducedBy: .none), expected.filter == "bicubic" ? .bicubic : .bilinear, into: &output)
      let differing = zip(output.pixels, expected.pixels).count { $0 != $1 }
      #expect(differing == 0, "\(expected.filter) \(expected.box) to \(expected.size): \(differing) values differ")
    }
    #expect(golden.cases.count == 18)
  }

  @Test("a part whose edges cut pixels is where it should be: a ramp keeps its slope and place")
  func cutPixels() {
    // Red is 4 per column from 20, at a column's middle; a linear function survives both filters inside the picture.
    var ramp = RGBImage(width: 40, height: 3)
    for pixel in 0..<120 { ramp.pixels[pixel * 3] = UInt8(20 + 4 * (pixel % 40)) }
    var resampler = Resampler()
    var output = RGBImage(width: 11, height: 2)
    for filter in [ResamplingFilter.bilinear, .bicubic] {
      resampler.resample(ramp, PixelBox(x: 10.25, y: 0.5, width: 16.5, height: 2), filter, into: &output)
      for x in 2..<9 {
        let expected = 20 + 4 * (10.25 + (Double(x) + 0.5) * 1.5 - 0.5)
        #expect(abs(Double(output.pixels[x * 3]) - expected) <= 1, "\(filter) column \(x)")
      }
    }
  }

  @Test("PNG files of every colour kind give Pillow's pixels, through the reader of JPEG files too")
  func pngFiles() throws {
    let reader = ImageReader()
    try Fixtures.withTemporaryDirectory { directory in
      for file in golden.files {
        // ImageNet has a PNG file with JPEG's ending.
        let path = "\(directory)/\(file.mode).JPEG"
        try writeFile([UInt8](file.file), to: path)
        #expect(try reader.open(FilePath(path)) == (golden.width, golden.height))
        try reader.decode(reduction: .half)
        #expect(reader.reduction == .none)
        let isEqual = reader.image.pixels == [UInt8](file.pixels)
        #expect(isEqual, "\(file.mode)")
      }
      try Fixtures.picture(width: 20, height: 12).jpegFile().withUnsafeBytes {
        try writeFile(Array($0), to: directory + "/a.png")
      }
      #expect(try reader.read(directory + "/a.png", reduction: .half) == (20, 12))
      #expect(reader.reduction == .half && reader.image.width == 10)
    }
  }

  @Test("a damaged PNG file, or one that claims more pixels than its bytes can hold, is error 65 with its name")
  func damagedPNG() throws {
    let whole = Fixtures.picture(width: 31, height: 17).pngFile()
    var changed = whole
    changed[whole.count / 2] ^= 0x10
    var huge = whole
    huge.replaceSubrange(16..<24, with: [0, 1, 0, 0, 0, 1, 0, 0])
    try Fixtures.withTemporaryDirectory { directory in
      for (name, bytes) in [
        ("cut", Array(whole.dropLast(40))), ("changed", changed), ("huge", huge), ("head", Array(whole.prefix(8))),
      ] {
        let path = "\(directory)/\(name).png"
        try writeFile(bytes, to: path)
        let error = thrown(InputError.self) { try ImageReader().read(path) }
        #expect(
          error?.exitCode == .badData && error?.description.hasPrefix("\(path): ") == true,
          "\(name): \(error?.description ?? "")")
      }
    }
  }
}
