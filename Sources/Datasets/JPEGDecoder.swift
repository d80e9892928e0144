import CTurboJPEG
import Tensors

/// What to do with a JPEG file that decodes with a warning about its pixels.
public enum JPEGWarningPolicy: Sendable {
  /// A warning that means lost pixels (a truncated or damaged file) is an error; remarks about metadata are not.
  case strict
  /// Whatever could be decoded is taken.
  case lenient
}

/// A reusable decoder of JPEG files to RGB, with the arithmetic of Pillow and torchvision: accurate DCT and smooth chroma
/// upsampling, as stored.
///
/// Grey pictures get three equal channels. Four-channel pictures are taken as inverted, as Adobe writes them and as
/// Pillow and torchvision read them, and become RGB by (255 - C) (255 - K) / 255. One decoder serves one thread.
public struct JPEGDecoder: ~Copyable {
  /// The most pixels that a byte of a file can stand for: a bit is the least that codes a block of 8x8.
  private static let densestPixelsPerByte = 512

  private var handle: tjhandle
  private var file: [UInt8] = []
  private var inks: [UInt8] = []

  /// A decoder with no buffers yet.
  public init() { handle = Self.newHandle() }

  private static func newHandle() -> tjhandle {
    guard let handle = tjInitDecompress() else { fatalError("TurboJPEG cannot create a decoder") }
    return handle
  }

  deinit { tjDestroy(handle) }

  /// Decodes the file at `path` into `image`, whose memory is used again, and returns the size that the file states.
  ///
  /// Throws exit code 66 for a missing file and 65 for one that is not a whole JPEG picture.
  @discardableResult
  public mutating func decode(
    contentsOf path: String, reduction: JPEGReduction = .none, policy: JPEGWarningPolicy = .strict,
    into image: inout RGBImage
  ) throws -> (width: Int, height: Int) {
    var bytes: [UInt8] = []
    swap(&bytes, &file)
    defer { swap(&bytes, &file) }
    try readFile(path, into: &bytes)
    return try decode(bytes, name: path, reduction: reduction, policy: policy, into: &image)
  }

  /// Decodes the bytes of a JPEG file and returns the size that they state; `name` is what errors call it.
  @discardableResult
  public mutating func decode(
    _ bytes: [UInt8], name: String, reduction: JPEGReduction = .none, policy: JPEGWarningPolicy = .strict,
    into image: inout RGBImage
  ) throws -> (width: Int, height: Int) {
    let (width, height, space) = try header(of: bytes, name: name, policy: policy)
    let flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS
    let fourInks = space == TJCS_CMYK.rawValue || space == TJCS_YCCK.rawValue
    let stored = (width: width, height: height)
    image.resize(width: reduction.extent(of: stored.width), height: reduction.extent(of: stored.height))
    // TurboJPEG takes the largest factor that stays within this size.
    let (columns, rows) = (Int32(image.width), Int32(image.height))
    if !fourInks {
      if tjDecompress2(
        handle, bytes, UInt(bytes.count), &image.pixels, columns, 0, rows, Int32(TJPF_RGB.rawValue), flags) != 0
      {
        try check(bytes, name, policy, "pixels")
      }
      return stored
    }
    let pixels = image.width * image.height
    if inks.count < pixels * 4 { inks = [UInt8](repeating: 0, count: pixels * 4) }
    if tjDecompress2(handle, bytes, UInt(bytes.count), &inks, columns, 0, rows, Int32(TJPF_CMYK.rawValue), flags) != 0 {
      try check(bytes, name, policy, "pixels")
    }
    image.pixels.withUnsafeMutableBufferPointer { rgb in
      inks.withUnsafeBufferPointer { inks in
        for pixel in 0..<pixels {
          let black = Int(inks[pixel * 4 + 3])
          for channel in 0..<3 {
            // Exact rounding of a product of bytes divided by 255.
            let product = Int(inks[pixel * 4 + channel]) * black + 128
            rgb[pixel * 3 + channel] = UInt8((product >> 8 + product) >> 8)
          }
        }
      }
    }
    return stored
  }

  /// The size that the bytes of a JPEG file state; `name` is what errors call it, which have exit code 65.
  mutating func size(of bytes: [UInt8], name: String) throws -> (width: Int, height: Int) {
    let (width, height, _) = try header(of: bytes, name: name, policy: .strict)
    return (width, height)
  }

  private mutating func header(
    of bytes: [UInt8], name: String, policy: JPEGWarningPolicy
  ) throws -> (width: Int, height: Int, space: Int32) {
    var (width, height, subsampling, space): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    let status = tjDecompressHeader3(handle, bytes, UInt(bytes.count), &width, &height, &subsampling, &space)
    do {
      if status != 0 { try check(bytes, name, policy, "header") }
      guard width > 0, height > 0 else {
        throw InputError(
          .badData, "\(name): is not a JPEG picture: its size reads \(width)x\(height); replace the file")
      }
    } catch {
      // TurboJPEG stays in the middle of a header that it gave up, and would take the next file for its rest.
      tjDestroy(handle)
      handle = Self.newHandle()
      throw error
    }
    try ImageSizeLimit.check(
      width: Int(width), height: Int(height), kind: "JPEG", fileBytes: bytes.count, densest: Self.densestPixelsPerByte,
      name: name)
    return (Int(width), Int(height), space)
  }

  /// Decides what the message that TurboJPEG left means.
  private func check(_ bytes: [UInt8], _ name: String, _ policy: JPEGWarningPolicy, _ part: String) throws {
    let message = String(cString: tjGetErrorStr2(handle))
    if tjGetErrorCode(handle) == TJERR_WARNING.rawValue {
      if policy == .lenient { return }
      // TurboJPEG keeps only the first warning: a harmless one could hide a missing end, hence the marker.
      // Some writers leave a scan's spectral selection empty, which baseline files do not need.
      let harmless = [
        "extraneous bytes", "unknown JFIF revision", "Unknown Adobe color transform", "Invalid SOS parameters",
      ]
      if harmless.contains(where: { message.contains($0) }) && hasEndMarker(bytes) { return }
    }
    throw InputError(
      .badData, "\(name): cannot be decoded as JPEG (\(part), \(bytes.count) bytes): \(message); replace the file")
  }

  /// Tells whether the end-of-image marker stands in the last 4 KiB.
  private func hasEndMarker(_ bytes: [UInt8]) -> Bool {
    var index = bytes.count - 2
    let first = max(0, bytes.count - 4096)
    while index >= first {
      if bytes[index] == 0xff && bytes[index + 1] == 0xd9 { return true }
      index -= 1
    }
    return false
  }
}
