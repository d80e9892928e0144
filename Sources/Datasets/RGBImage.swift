import Tensors

/// An 8-bit RGB picture, rows from top to bottom, three interleaved bytes a pixel, no padding between rows.
public struct RGBImage: Equatable, Sendable {
  /// Columns.
  public private(set) var width: Int
  /// Rows.
  public private(set) var height: Int
  /// The bytes R, G, B of pixel (x, y) start at (y * width + x) * 3.
  public internal(set) var pixels: [UInt8]

  /// A picture of one colour, black unless told.
  public init(width: Int, height: Int, red: UInt8 = 0, green: UInt8 = 0, blue: UInt8 = 0) {
    (self.width, self.height) = (width, height)
    pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { bytes, count in
      for pixel in 0..<width * height {
        bytes[pixel * 3] = red
        bytes[pixel * 3 + 1] = green
        bytes[pixel * 3 + 2] = blue
      }
      count = width * height * 3
    }
  }

  /// A grey picture, a byte a pixel.
  public init(width: Int, height: Int, grey: [UInt8]) {
    require(grey.count == width * height, "\(grey.count) values for \(width)x\(height) pixels")
    (self.width, self.height, pixels) = (width, height, grey.flatMap { [$0, $0, $0] })
  }

  /// An empty picture, to be filled by a decoder.
  public init() { (width, height, pixels) = (0, 0, []) }

  /// Takes a new size; what the pixels hold afterwards is for the caller to write.
  mutating func resize(width: Int, height: Int) {
    (self.width, self.height) = (width, height)
    let bytes = width * height * 3
    if pixels.count > bytes {
      pixels.removeLast(pixels.count - bytes)
    } else if pixels.count < bytes {
      pixels.append(contentsOf: repeatElement(0, count: bytes - pixels.count))
    }
  }
}
