/// EXIF data in TIFF's layout with two entries, of which the second is the orientation.
public func exifData(orientation: Int, isBigEndian: Bool) -> [UInt8] {
  func number(_ value: Int, _ size: Int) -> [UInt8] {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    return isBigEndian ? bytes.reversed() : bytes
  }
  func entry(_ tag: Int, _ value: Int) -> [UInt8] {
    number(tag, 2) + number(3, 2) + number(1, 4) + number(value, 2) + [0, 0]
  }
  let head = Array((isBigEndian ? "MM" : "II").utf8) + number(42, 2) + number(8, 4)
  return head + number(2, 2) + entry(0x0103, 6) + entry(0x0112, orientation) + number(0, 4)
}

/// A JPEG file with EXIF data, behind what the file begins with.
public func jpegFile(_ file: [UInt8], withEXIF data: [UInt8]) -> [UInt8] {
  let content = Array("Exif\0\0".utf8) + data
  let length = content.count + 2
  // JFIF's segment comes first where there is one.
  let place = file[2...3].elementsEqual([0xff, 0xe0]) ? 4 + Int(file[4]) << 8 + Int(file[5]) : 2
  return file[..<place] + [0xff, 0xe1, UInt8(length >> 8), UInt8(length & 255)] + content + file[place...]
}

/// A PNG file with EXIF data, behind its header.
public func pngFile(_ file: [UInt8], withEXIF data: [UInt8]) -> [UInt8] {
  file[..<33] + pngChunk("eXIf", data) + file[33...]
}

/// A chunk of a PNG file.
public func pngChunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
  func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
  let content = Array(type.utf8) + data
  var checksum: UInt32 = .max
  for byte in content {
    checksum ^= UInt32(byte)
    for _ in 0..<8 { checksum = checksum & 1 == 1 ? checksum >> 1 ^ 0xedb8_8320 : checksum >> 1 }
  }
  return number(UInt32(data.count)) + content + number(~checksum)
}

/// A file that is PNG by its header of this size, a bit a pixel, and is as long as that many zeros are at the least.
public func hugePNGFile(side: Int) -> [UInt8] {
  let extent = (0..<4).map { UInt8(truncatingIfNeeded: side >> (24 - 8 * $0)) }
  return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + pngChunk("IHDR", extent + extent + [1, 0, 0, 0, 0])
    + pngChunk("IDAT", [UInt8](repeating: 0, count: side * side / 8000))
}
