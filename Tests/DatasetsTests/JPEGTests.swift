import CSPNG
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Datasets

private struct JPEGGolden: Decodable {
  struct File: Decodable {
    var name: String
    var file: String
    var width: Int
    var height: Int
    var pixels: String
  }
  var files: [File]
  var photographs: [String: UInt32]
}

@Suite struct JPEGTests {
  @Test("colour, grey, progressive and CMYK files decode to Pillow's pixels, bit for bit")
  func equalToPillow() throws {
    let golden = try Fixtures.golden("jpeg.json", as: JPEGGolden.self)
    #expect(golden.files.count == 5)
    var decoder = JPEGDecoder()
    // One image for all files: what a larger file left behind must not show.
    var image = RGBImage(width: 100, height: 100, red: 255)
    for file in golden.files {
      try decoder.decode(elements(file.file, as: UInt8.self), name: file.name, into: &image)
      #expect(image.width == file.width && image.height == file.height)
      #expect(image.pixels == elements(file.pixels, as: UInt8.self), "\(file.name)")
    }
  }

  @Test("photographs decode to Pillow's pixels, by their Adler-32 sums", .enabled(if: Fixtures.sharedData != nil))
  func photographs() throws {
    let golden = try Fixtures.golden("jpeg.json", as: JPEGGolden.self)
    let root = try #require(Fixtures.sharedData)
    #expect(golden.photographs.count == 65)
    var decoder = JPEGDecoder()
    var image = RGBImage()
    for (path, sum) in golden.photographs {
      try decoder.decode(contentsOf: "\(root)/\(path)", into: &image)
      #expect(adler32(image.pixels) == sum, "\(path)")
    }
  }

  @Test("a truncated file is an error that names it, and decodes when leniency is asked for")
  func truncated() throws {
    let whole = Fixtures.picture(width: 64, height: 48).jpegFile()
    let half = Array(whole.prefix(whole.count * 3 / 4))
    var decoder = JPEGDecoder()
    var image = RGBImage()
    let error = thrown(InputError.self) {
      try decoder.decode(half, name: "photo.jpg", into: &image)
    }
    #expect(error?.exitCode == .badData)
    #expect(error?.description.contains("photo.jpg") == true && error?.description.contains("Premature end") == true)
    try decoder.decode(half, name: "photo.jpg", policy: .lenient, into: &image)
    #expect(image.width == 64 && image.height == 48)
    // The decoder is as good as new afterwards.
    try decoder.decode(whole, name: "photo.jpg", into: &image)
  }

  @Test("stray bytes between segments are no reason to refuse a whole file, but stray bytes and a missing end are")
  func strayBytes() throws {
    var decoder = JPEGDecoder()
    var image = RGBImage()
    let clean = Fixtures.picture(width: 32, height: 32).jpegFile()
    try decoder.decode(clean, name: "clean", into: &image)
    let expected = image
    let stray = Array(clean.prefix(2)) + [0, 0, 0] + clean.dropFirst(2)
    try decoder.decode(stray, name: "stray", into: &image)
    #expect(image == expected)
    #expect(throws: InputError.self) {
      try decoder.decode(Array(stray.prefix(stray.count / 2)), name: "stray and cut", into: &image)
    }
  }

  @Test("a baseline file whose scan states no spectral selection is whole")
  func emptySelection() throws {
    var decoder = JPEGDecoder()
    var (image, expected) = (RGBImage(), RGBImage())
    var bytes = Fixtures.picture(width: 32, height: 32).jpegFile()
    try decoder.decode(bytes, name: "clean", into: &expected)
    let scan = try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA })
    // Behind marker, length, and two bytes for each component lie Ss, Se and Ah with Al.
    let selection = scan + 5 + 2 * Int(bytes[scan + 4])
    #expect(bytes[selection...(selection + 2)] == [0, 63, 0])
    bytes[selection + 1] = 0
    try decoder.decode(bytes, name: "no selection", into: &image)
    #expect(image == expected)
  }

  @Test("bytes that are no JPEG and a missing file are errors 65 and 66 that name the file")
  func notAPicture() throws {
    var decoder = JPEGDecoder()
    var image = RGBImage()
    for bytes in [[], [1, 2, 3], Array("not a picture".utf8)] as [[UInt8]] {
      let error = thrown(InputError.self) { try decoder.decode(bytes, name: "a.jpg", into: &image) }
      #expect(error?.exitCode == .badData && error?.description.hasPrefix("a.jpg: ") == true)
    }
    let error = thrown(InputError.self) {
      try decoder.decode(contentsOf: "/nowhere/a.jpg", into: &image)
    }
    #expect(error?.exitCode == .missingFile && error?.description.contains("/nowhere/a.jpg") == true)
  }

  @Test("a size that the file cannot hold is an error before memory is taken for it")
  func claimedSize() throws {
    var decoder = JPEGDecoder()
    var image = RGBImage()
    var file = Fixtures.picture(width: 32, height: 32).jpegFile()
    try decoder.decode(file, name: "whole.jpg", into: &image)
    let frame = try #require(file.indices.dropLast().first { file[$0] == 0xff && file[$0 + 1] == 0xc0 })
    // Height and width follow the marker, the segment's length and the precision.
    let whole = file
    file.replaceSubrange(frame + 5..<frame + 9, with: [0xff, 0xdc, 0xff, 0xdc])
    for policy in [JPEGWarningPolicy.strict, .lenient] {
      let error = thrown(InputError.self) {
        try decoder.decode(file, name: "huge.jpg", policy: policy, into: &image)
      }
      #expect(error?.exitCode == .badData)
      let words = "huge.jpg: header: expected at most \(512 * file.count) pixels in a JPEG file of \(file.count) bytes"
      #expect(error?.description.hasPrefix(words) == true && error?.description.contains("65500x65500") == true)
    }
    #expect(image.width == 32)
    // A size beyond the format's own limit is an error of the library's; whole files are decoded after it.
    file.replaceSubrange(frame + 5..<frame + 9, with: [0xff, 0xff, 0xff, 0xff])
    #expect(throws: InputError.self) { try decoder.decode(file, name: "beyond.jpg", into: &image) }
    try decoder.decode(whole, name: "whole.jpg", into: &image)
    // With a warning before it, an error in the header is told as a warning: leniency leaves a picture without a size.
    file = Array(whole.prefix(2)) + [0, 0, 0] + whole[2..<frame + 4]
    #expect(throws: InputError.self) { try decoder.decode(file, name: "cut.jpg", policy: .lenient, into: &image) }
    try decoder.decode(whole, name: "whole.jpg", into: &image)
    // One colour in the fewest bits that the encoder can do is within the limit.
    let grey = RGBImage(width: 2048, height: 2048, red: 90, green: 90, blue: 90).jpegFile(quality: 1)
    #expect(try decoder.decode(grey, name: "grey.jpg", into: &image) == (2048, 2048))
  }

  @Test("a JPEG round trip at high quality changes no value by more than 12 where colours are smooth")
  func jpegRoundTrip() throws {
    var image = RGBImage()
    var decoder = JPEGDecoder()
    var source = Fixtures.picture(width: 48, height: 40)
    for pixel in 0..<48 * 40 { source.pixels[pixel * 3 + 2] = 90 }
    try decoder.decode(source.jpegFile(quality: 98, chroma: .none), name: "round trip", into: &image)
    let worst = zip(image.pixels, source.pixels).map { abs(Int($0) - Int($1)) }.max() ?? 0
    // Quantisation steps of 1 to 4 on three components, summed by the colour matrix.
    #expect(worst <= 12)
  }

  @Test("a PNG round trip is exact, read back by libspng")
  func pngRoundTrip() throws {
    let source = Fixtures.picture(width: 31, height: 17)
    let file = source.pngFile()
    let context = try #require(spng_ctx_new(0))
    defer { spng_ctx_free(context) }
    var pixels = [UInt8](repeating: 0, count: 31 * 17 * 3)
    // libspng keeps the pointer until it decodes.
    let status = file.withUnsafeBytes { bytes in
      spng_set_png_buffer(context, bytes.baseAddress, bytes.count)
      return spng_decode_image(context, &pixels, pixels.count, Int32(SPNG_FMT_RGB8.rawValue), 0)
    }
    #expect(status == 0)
    #expect(pixels == source.pixels)
  }

  @Test("a picture that cannot be written is error 73, and no temporary file stays")
  func unwritable() throws {
    let error = thrown(InputError.self) {
      try Fixtures.picture(width: 4, height: 4).write(to: "/nowhere/a.png")
    }
    #expect(error?.exitCode == .cannotWrite)
    try Fixtures.withTemporaryDirectory { directory in
      try Fixtures.picture(width: 4, height: 4).write(to: directory + "/a.png")
      try Fixtures.picture(width: 4, height: 4).write(to: directory + "/b.jpg")
      #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["a.png", "b.jpg"])
    }
  }
}

private func adler32(_ bytes: [UInt8]) -> UInt32 {
  bytes.withUnsafeBufferPointer { bytes in
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
    }
    return high << 16 | low
  }
}
