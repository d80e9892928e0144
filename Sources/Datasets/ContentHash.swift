import Foundation
import Tensors

/// A 64-bit fingerprint of a file's content, at the speed of memory; not for adversaries.
///
/// Four lanes each fold every fourth 8-byte word by exclusive or, multiplication and rotation.
struct ContentHash {
  private var lanes = SIMD4<UInt64>(
    0x9e37_79b9_7f4a_7c15, 0xd168_aaad_d35a_2d97, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb)
  private var length: UInt64 = 0

  /// Takes bytes; all calls but the last must bring multiples of 32.
  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    require(length % 32 == 0, "content was hashed in pieces that are not multiples of 32 bytes")
    length += UInt64(bytes.count)
    var (a, b, c, d) = (lanes[0], lanes[1], lanes[2], lanes[3])
    let whole = bytes.count / 32 * 32
    var offset = 0
    while offset < whole {
      a = Self.fold(a, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      b = Self.fold(b, bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
      c = Self.fold(c, bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self))
      d = Self.fold(d, bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self))
      offset += 32
    }
    for index in whole..<bytes.count { a = Self.fold(a, UInt64(bytes[index])) }
    lanes = SIMD4(a, b, c, d)
  }

  /// The fingerprint of all bytes so far and their number.
  var value: UInt64 {
    var result = length
    for lane in 0..<4 { result = Self.fold(result, lanes[lane]) }
    result ^= result >> 32
    result &*= 0xd6e8_feb8_6659_fd93
    return result ^ result >> 29
  }

  @inline(__always)
  private static func fold(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    let product = (lane ^ word) &* 0x9fb2_1c65_1e98_df25
    return product << 29 | product >> 35
  }

  /// The fingerprint of the file at `path`; throws exit code 66 or 65.
  static func ofFile(_ path: String) throws -> UInt64 {
    let descriptor = try openForReading(path)
    defer { close(descriptor) }
    let chunk = 1 << 20
    var hash = ContentHash()
    try withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 64) { buffer in
      while true {
        var filled = 0
        while filled < chunk {
          let received = read(descriptor, buffer.baseAddress! + filled, chunk - filled)
          if received < 0 && errno == EINTR { continue }
          guard received >= 0 else { throw InputError(.badData, "\(path): cannot be read: \(systemMessage())") }
          if received == 0 { break }
          filled += received
        }
        hash.update(UnsafeRawBufferPointer(start: buffer.baseAddress, count: filled))
        if filled < chunk { return }
      }
    }
    return hash.value
  }
}

/// The fingerprint of a file's content as hexadecimal digits, to tell whether files are the same.
///
/// Throws exit code 66 when it cannot be opened, 65 when it cannot be read.
public func fileFingerprint(_ path: String) throws -> String { String(try ContentHash.ofFile(path), radix: 16) }

/// Remembers the fingerprint of a large file, so that a later start need not read it.
///
/// The memory holds only while device, inode, size and both time stamps are the same; a program can set the
/// modification time back but not the change time. A file changed less than two seconds ago is not remembered, since a
/// second change could leave the same stamps.
enum HashMemory {
  static func contentHash(of path: String, cache: String) throws -> (hash: UInt64, size: Int) {
    let descriptor = try openForReading(path)
    let status = try { () throws in
      defer { close(descriptor) }
      return try fileStatus(descriptor, path)
    }()
    let state = "\(status.device) \(status.inode) \(status.size) \(status.modified) \(status.changed)"
    let memory = "\(cache)/hash-\(status.device)-\(status.inode)"
    if let hash = recall(memory, of: state) { return (hash, status.size) }
    let hash = try ContentHash.ofFile(path)
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    if now.tv_sec * 1_000_000_000 + now.tv_nsec - status.changed > 2_000_000_000 {
      try writeFile(line(of: state, hash), to: memory)
    }
    return (hash, status.size)
  }

  /// What a memory holds: the state of a file, its hash, and a fingerprint of both, by which damage is seen.
  static func line(of state: String, _ hash: UInt64) -> [UInt8] {
    let content = Array("\(state) \(String(hash, radix: 16))".utf8)
    var check = ContentHash()
    content.withUnsafeBytes { check.update($0) }
    return content + Array(" \(String(check.value, radix: 16))\n".utf8)
  }

  /// The hash that a memory has for this state, nil when it has another state or is not as it was written.
  private static func recall(_ memory: String, of state: String) -> UInt64? {
    guard let descriptor = try? openForReading(memory) else { return nil }
    defer { close(descriptor) }
    // Five numbers and two fingerprints take less.
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    let line = bytes.prefix(count)
    let words = line.split(separator: UInt8(ascii: " "))
    guard words.count > 1, let hash = UInt64(String(decoding: words[words.count - 2], as: UTF8.self), radix: 16) else {
      return nil
    }
    return line.elementsEqual(Self.line(of: state, hash)) ? hash : nil
  }
}
