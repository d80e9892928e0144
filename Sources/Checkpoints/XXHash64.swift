/// The 64-bit hash XXH64 (seed 0) of a stream of bytes.
///
/// It guards against accidents (a cut file, a flipped bit), not against forgery, and keeps up with memory. `xxh64sum`
/// prints the same figures. Source: the published XXH64 specification (xxHash, doc/xxhash_spec.md).
public struct XXHash64 {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  private var lanes = (
    prime1 &+ prime2, prime2, UInt64(0), 0 &- prime1
  )
  /// Bytes that do not fill a stripe of 32 yet.
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0

  /// An empty stream.
  public init() {}

  /// Appends bytes to the stream.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var start = 0
    if !pending.isEmpty {
      start = min(32 - pending.count, bytes.count)
      pending += bytes[..<start]
      if pending.count < 32 { return }
      pending.withUnsafeBytes { consume($0, stripes: 1) }
      pending.removeAll(keepingCapacity: true)
    }
    let stripes = (bytes.count - start) / 32
    consume(UnsafeRawBufferPointer(rebasing: bytes[start...]), stripes: stripes)
    pending += bytes[(start + 32 * stripes)...]
  }

  /// The hash of all bytes so far.
  var value: UInt64 {
    var hash: UInt64
    if byteCount >= 32 {
      hash =
        rotated(lanes.0, 1) &+ rotated(lanes.1, 7) &+ rotated(lanes.2, 12) &+ rotated(lanes.3, 18)
      for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
        hash = (hash ^ Self.round(0, lane)) &* Self.prime1 &+ Self.prime4
      }
    } else {
      hash = Self.prime5
    }
    hash &+= byteCount
    pending.withUnsafeBytes { bytes in
      var place = 0
      while place + 8 <= bytes.count {
        hash ^= Self.round(0, bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
        hash = rotated(hash, 27) &* Self.prime1 &+ Self.prime4
        place += 8
      }
      if place + 4 <= bytes.count {
        hash ^= UInt64(bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)) &* Self.prime1
        hash = rotated(hash, 23) &* Self.prime2 &+ Self.prime3
        place += 4
      }
      for byte in bytes[place...] {
        hash ^= UInt64(byte) &* Self.prime5
        hash = rotated(hash, 11) &* Self.prime1
      }
    }
    hash = (hash ^ hash >> 33) &* Self.prime2
    hash = (hash ^ hash >> 29) &* Self.prime3
    return hash ^ hash >> 32
  }

  /// The hash of all bytes so far as 16 hexadecimal digits.
  public var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// The hash of a whole buffer as 16 hexadecimal digits.
  static func text(of bytes: UnsafeRawBufferPointer) -> String {
    var hash = XXHash64()
    hash.update(bytes)
    return hash.text
  }

  private mutating func consume(_ bytes: UnsafeRawBufferPointer, stripes: Int) {
    var (lane0, lane1, lane2, lane3) = lanes
    for stripe in 0..<stripes {
      let place = 32 * stripe
      lane0 = Self.round(lane0, bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      lane1 = Self.round(lane1, bytes.loadUnaligned(fromByteOffset: place + 8, as: UInt64.self))
      lane2 = Self.round(lane2, bytes.loadUnaligned(fromByteOffset: place + 16, as: UInt64.self))
      lane3 = Self.round(lane3, bytes.loadUnaligned(fromByteOffset: place + 24, as: UInt64.self))
    }
    lanes = (lane0, lane1, lane2, lane3)
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
    rotated(lane &+ input &* prime2, 31) &* prime1
  }
}

@inline(__always)
private func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 {
  value &<< count | value &>> (64 - count)
}
