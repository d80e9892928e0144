import CSPNG
import CTurboJPEG
import Glibc
import Tensors

/// How much of the colour a JPEG file keeps.
public enum ChromaSubsampling: Sendable {
  /// One colour value a pixel.
  case none
  /// One colour value for 2x2 pixels, as cameras do.
  case halfBoth
}

extension RGBImage {
  /// The picture as the bytes of a JPEG file, at a quality of 1 to 100.
  public func jpegFile(quality: Int = 90, chroma: ChromaSubsampling = .halfBoth) -> [UInt8] {
    require((1...100).contains(quality), "a JPEG quality of 1 to 100, not \(quality)")
    guard let handle = tjInitCompress() else { fatalError("TurboJPEG cannot create an encoder") }
    defer { tjDestroy(handle) }
    var buffer: UnsafeMutablePointer<UInt8>?
    defer { tjFree(buffer) }
    var size: UInt = 0
    let sampling: TJSAMP
    switch chroma {
    case .none: sampling = TJSAMP_444
    case .halfBoth: sampling = TJSAMP_420
    }
    let status = tjCompress2(
      handle, pixels, Int32(width), 0, Int32(height), Int32(TJPF_RGB.rawValue), &buffer, &size,
      Int32(sampling.rawValue), Int32(quality), TJFLAG_ACCURATEDCT)
    require(status == 0, "TurboJPEG cannot encode \(width)x\(height): \(String(cString: tjGetErrorStr2(handle)))")
    return Array(UnsafeBufferPointer(start: buffer, count: Int(size)))
  }

  /// The picture as the bytes of a PNG file.
  public func pngFile() -> [UInt8] {
    encodedPNG(width: width, height: height, colorType: UInt8(SPNG_COLOR_TYPE_TRUECOLOR.rawValue), pixels)
  }

  /// Writes the picture as PNG or JPEG, by the ending of `path`.
  ///
  /// Throws exit code 73 when the file cannot be written.
  public func write(to path: String) throws {
    let isPNG = path.lowercased().hasSuffix(".png")
    try writeFile(isPNG ? pngFile() : jpegFile(quality: 92, chroma: .none), to: path)
  }
}

/// Pixels of 8 bits a channel as the bytes of a PNG file; `configure` sets what else the file holds.
func encodedPNG(
  width: Int, height: Int, colorType: UInt8, _ pixels: [UInt8], configure: (OpaquePointer) -> Int32 = { _ in 0 }
) -> [UInt8] {
  guard let context = spng_ctx_new(Int32(SPNG_CTX_ENCODER.rawValue)) else {
    fatalError("libspng cannot create an encoder")
  }
  defer { spng_ctx_free(context) }
  spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1)
  var header = spng_ihdr()
  header.width = UInt32(width)
  header.height = UInt32(height)
  header.bit_depth = 8
  header.color_type = colorType
  spng_set_ihdr(context, &header)
  var status = configure(context)
  require(status == 0, "libspng refuses a setting: \(String(cString: spng_strerror(status)))")
  status = spng_encode_image(
    context, pixels, pixels.count, Int32(SPNG_FMT_PNG.rawValue), Int32(SPNG_ENCODE_FINALIZE.rawValue))
  require(status == 0, "libspng cannot encode \(width)x\(height): \(String(cString: spng_strerror(status)))")
  var size = 0
  let buffer = spng_get_png_buffer(context, &size, &status)
  defer { free(buffer) }
  require(buffer != nil && status == 0, "libspng lost its buffer: \(String(cString: spng_strerror(status)))")
  return Array(UnsafeRawBufferPointer(start: buffer, count: size))
}
