import CSPNG
import Tensors

/// Decodes PNG files to 8-bit RGB as Pillow's `convert("RGB")` does: transparency and gamma are left out of account, grey
/// gets three equal channels, 16 bits keep the upper 8.
enum PNGDecoder {
  private static let signature: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  /// The most pixels that a byte of a file can stand for: deflate's best ratio, with a bit a pixel.
  private static let densestPixelsPerByte = 1032 * 8
  /// The most bytes of a chunk beside the pixels, such as a profile or a text.
  private static let chunkLimit = 1 << 24

  /// Whether a file starts as PNG does.
  static func isPNG(_ bytes: [UInt8]) -> Bool { bytes.starts(with: signature) }

  /// The size that a file states; `name` is what errors call it, which have exit code 65.
  static func size(of bytes: [UInt8], name: String) throws -> (width: Int, height: Int) {
    try withContext(bytes, name) { _, header in (Int(header.width), Int(header.height)) }
  }

  /// Decodes a file into `image`; `name` is what errors call it, which have exit code 65.
  static func decode(_ bytes: [UInt8], name: String, into image: inout RGBImage) throws {
    try withContext(bytes, name) { context, header in
      image.resize(width: Int(header.width), height: Int(header.height))
      try check(
        spng_decode_image(context, &image.pixels, image.pixels.count, Int32(SPNG_FMT_RGB8.rawValue), 0), bytes, name)
    }
  }

  /// Lends a decoder of a file with its header, whose size is bearable; throws exit code 65.
  static func withContext<Result>(
    _ bytes: [UInt8], _ name: String, _ body: (OpaquePointer, spng_ihdr) throws -> Result
  ) throws -> Result {
    guard let context = spng_ctx_new(0) else { fatalError("libspng cannot create a decoder") }
    defer { spng_ctx_free(context) }
    spng_set_chunk_limits(context, chunkLimit, chunkLimit)
    return try bytes.withUnsafeBytes { file in
      var header = spng_ihdr()
      try check(spng_set_png_buffer(context, file.baseAddress, file.count), bytes, name)
      try check(spng_get_ihdr(context, &header), bytes, name)
      try ImageSizeLimit.check(
        width: Int(header.width), height: Int(header.height), kind: "PNG", fileBytes: file.count,
        densest: densestPixelsPerByte, name: name)
      return try body(context, header)
    }
  }

  /// Throws exit code 65 for a status that is an error.
  static func check(_ status: Int32, _ bytes: [UInt8], _ name: String) throws {
    if status == 0 { return }
    throw InputError(
      .badData,
      "\(name): cannot be decoded as PNG (\(bytes.count) bytes): \(String(cString: spng_strerror(status))); replace the "
        + "file")
  }
}
