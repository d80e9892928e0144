import CSPNG
import Glibc
import Tensors

/// A mask that contradicts its picture or the classes, or cannot be had.
///
/// Unlike an unreadable picture it is never passed over in training: what it says about other pixels is in doubt too.
public struct MaskError: UserError {
  /// Always that of bad data.
  public var exitCode: ExitCode { .badData }
  /// The complete message.
  public let description: String

  init(_ description: String) { self.description = shown(description) }
}

/// Masks as PASCAL VOC stores them: PNG files with a palette, or grey ones, whose stored numbers are the classes.
enum MaskFile {
  /// Reads a mask; throws `MaskError` for everything that is wrong with it.
  static func read(_ path: String, into file: inout [UInt8]) throws -> ClassMask {
    do {
      try readFile(path, into: &file)
      return try decode(file, name: path)
    } catch let error as InputError {
      throw MaskError("\(error)")
    }
  }

  /// Decodes the bytes of a PNG file; `name` is what errors call it.
  static func decode(_ bytes: [UInt8], name: String) throws -> ClassMask {
    guard PNGDecoder.isPNG(bytes) else {
      throw MaskError("\(name): expected a mask as PNG, whose pixels are exact, got another format; convert it")
    }
    return try PNGDecoder.withContext(bytes, name) { context, header in
      let (width, height, depth) = (Int(header.width), Int(header.height), Int(header.bit_depth))
      try requireNumbers(header, name)
      var size = 0
      try PNGDecoder.check(spng_decoded_image_size(context, Int32(SPNG_FMT_PNG.rawValue), &size), bytes, name)
      var packed = [UInt8](repeating: 0, count: size)
      try PNGDecoder.check(
        spng_decode_image(context, &packed, size, Int32(SPNG_FMT_PNG.rawValue), 0), bytes, name)
      return ClassMask(
        width: width, height: height, classes: depth == 8 ? packed : unpacked(packed, width, height, depth: depth))
    }
  }

  /// Throws unless a pixel is one number that can be a class.
  private static func requireNumbers(_ header: spng_ihdr, _ name: String) throws {
    let kind: String
    switch Int(header.color_type) {
    case Int(SPNG_COLOR_TYPE_INDEXED.rawValue): return
    case Int(SPNG_COLOR_TYPE_GRAYSCALE.rawValue):
      if header.bit_depth <= 8 { return }
      kind = "grey of \(header.bit_depth) bits"
    case Int(SPNG_COLOR_TYPE_GRAYSCALE_ALPHA.rawValue): kind = "grey with transparency"
    case Int(SPNG_COLOR_TYPE_TRUECOLOR.rawValue): kind = "RGB colours"
    default: kind = "RGB colours with transparency"
    }
    throw MaskError(
      "\(name): expected a mask with a palette, or grey of at most 8 bits, whose stored numbers are the classes, got \(kind); "
        + "write the class numbers, as PASCAL VOC's files have them")
  }

  /// Numbers of 1, 2 or 4 bits as bytes; every row begins with a byte of its own.
  private static func unpacked(_ packed: [UInt8], _ width: Int, _ height: Int, depth: Int) -> [UInt8] {
    let (perByte, rowBytes) = (8 / depth, (width * depth + 7) / 8)
    var classes: [UInt8] = []
    classes.reserveCapacity(width * height)
    for y in 0..<height {
      for x in 0..<width {
        let byte = packed[y * rowBytes + x / perByte]
        classes.append(byte >> UInt8(8 - depth * (x % perByte + 1)) & UInt8(1 << depth - 1))
      }
    }
    return classes
  }
}

extension ClassMask {
  /// The mask as the bytes of a PNG file with PASCAL VOC's palette.
  public func pngFile() -> [UInt8] {
    var palette = spng_plte()
    palette.n_entries = 256
    withUnsafeMutableBytes(of: &palette.entries) { entries in
      let entries = entries.bindMemory(to: spng_plte_entry.self)
      for number in 0..<256 {
        let color = VOCPalette.color(UInt8(number))
        entries[number] = spng_plte_entry(red: color.red, green: color.green, blue: color.blue, alpha: 0)
      }
    }
    return encodedPNG(width: width, height: height, colorType: UInt8(SPNG_COLOR_TYPE_INDEXED.rawValue), classes) {
      spng_set_plte($0, &palette)
    }
  }
}
