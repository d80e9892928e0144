extension ImageOrientation {
  /// The orientation that a JPEG or PNG file states in its EXIF data, upright where there is none or it is damaged.
  ///
  /// Read from JPEG's first APP1 segment with EXIF before the pixels, and from PNG's eXIf chunk.
  init(ofFile bytes: [UInt8]) {
    let exif = PNGDecoder.isPNG(bytes) ? Self.exifChunk(of: bytes) : Self.exifSegment(of: bytes)
    self = exif.flatMap { EXIFDirectory(bytes, $0)?.orientation } ?? .upright
  }

  private static func exifSegment(of bytes: [UInt8]) -> Range<Int>? {
    let head = Array("Exif\0\0".utf8)
    var place = 2
    while place + 4 <= bytes.count, bytes[place] == 0xff {
      let marker = bytes[place + 1]
      switch marker {
      case 0xff:
        // Any number of fill bytes may precede a marker.
        place += 1
      case 0x01, 0xd0...0xd8: place += 2
      case 0xda, 0xd9: return nil
      default:
        // The length counts its own two bytes.
        let end = place + 2 + Int(bytes[place + 2]) << 8 + Int(bytes[place + 3])
        guard end >= place + 4, end <= bytes.count else { return nil }
        if marker == 0xe1 && bytes[(place + 4)..<end].starts(with: head) { return place + 4 + head.count..<end }
        place = end
      }
    }
    return nil
  }

  private static func exifChunk(of bytes: [UInt8]) -> Range<Int>? {
    var place = 8
    // Length, type, content, checksum.
    while place + 12 <= bytes.count {
      let length = bytes[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= bytes.count - place - 12 else { return nil }
      if bytes[(place + 4)..<(place + 8)].elementsEqual("eXIf".utf8) { return place + 8..<place + 8 + length }
      place += 12 + length
    }
    return nil
  }
}

/// The first directory of EXIF data, which have TIFF's layout, within the bytes of a file.
private struct EXIFDirectory {
  private let bytes: ArraySlice<UInt8>
  private let isBigEndian: Bool
  private var start = 0

  /// Finds the directory, nil where the data are none.
  init?(_ file: [UInt8], _ range: Range<Int>) {
    bytes = file[range]
    isBigEndian = bytes.starts(with: [0x4d, 0x4d, 0, 42])
    guard isBigEndian || bytes.starts(with: [0x49, 0x49, 42, 0]) else { return nil }
    guard let offset = number(at: 4, bytes: 4) else { return nil }
    start = offset
  }

  /// The orientation, nil where there is none of the eight.
  var orientation: ImageOrientation? {
    guard let count = number(at: start, bytes: 2) else { return nil }
    for entry in 0..<count {
      // Tag, type, count, and the value itself where it is small.
      let place = start + 2 + entry * 12
      guard let tag = number(at: place, bytes: 2) else { return nil }
      if tag != 0x0112 { continue }
      let sizes = [1: 1, 3: 2, 4: 4]
      guard let size = number(at: place + 2, bytes: 2).flatMap({ sizes[$0] }), number(at: place + 4, bytes: 4) == 1
      else { return nil }
      return number(at: place + 8, bytes: size).flatMap { ImageOrientation(rawValue: $0) }
    }
    return nil
  }

  /// The number of so many bytes at an offset into the data, nil where it is not within them.
  private func number(at offset: Int, bytes size: Int) -> Int? {
    guard offset <= bytes.count - size else { return nil }
    let first = bytes.startIndex + offset
    let digits = bytes[first..<first + size]
    return isBigEndian ? digits.reduce(0) { $0 << 8 | Int($1) } : digits.reversed().reduce(0) { $0 << 8 | Int($1) }
  }
}
