/// TensorFlow's record format: length, its checksum, the data, its checksum, all little-endian.
enum RecordFraming {
  /// A record's bytes in the file.
  static func frame(_ data: [UInt8]) -> [UInt8] {
    let length = withUnsafeBytes(of: UInt64(data.count).littleEndian) { Array($0) }
    return length + checksum(of: length) + data + checksum(of: data)
  }

  /// The masked CRC-32C of bytes; masking keeps checksums of data that holds checksums apart.
  static func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
    let checksum = crc32c(bytes)
    return (checksum >> 15 | checksum << 17) &+ 0xA282_EAD8
  }

  /// The Castagnoli cyclic redundancy check, reflected polynomial 0x82F63B78.
  static func crc32c(_ bytes: [UInt8]) -> UInt32 {
    var remainder: UInt32 = ~0
    for byte in bytes { remainder = table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)] ^ (remainder >> 8) }
    return ~remainder
  }

  private static func checksum(of bytes: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: maskedChecksum(bytes).littleEndian) { Array($0) }
  }

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0x82F6_3B78 : 0) }
  }
}
