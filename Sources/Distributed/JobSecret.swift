import CSodium

/// What only the ranks of a job know: datagrams that were sealed with it are theirs, and were not changed on their way.
///
/// Rank 0 draws it and MPI carries it; it is in no datagram. A seal is HMAC-SHA256.
struct JobSecret: Sendable {
  /// 32 random bytes.
  let bytes: [UInt8]

  /// The secret that another rank drew; nil when it has another length or the library does not start.
  init?(bytes: [UInt8]) {
    guard bytes.count == Int(crypto_auth_hmacsha256_KEYBYTES), Self.isReady else { return nil }
    self.bytes = bytes
  }

  /// New random bytes for a secret.
  static func randomBytes() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<Int(crypto_auth_hmacsha256_KEYBYTES)).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// The seal of some content and the content.
  func seal(_ content: [UInt8]) -> [UInt8] {
    var seal = [UInt8](repeating: 0, count: Self.sealLength)
    crypto_auth_hmacsha256(&seal, content, UInt64(content.count), bytes)
    return seal + content
  }

  /// The content of sealed bytes; nil where the seal, compared in constant time, is not this secret's.
  func open(_ sealed: [UInt8]) -> [UInt8]? {
    if sealed.count < Self.sealLength { return nil }
    let content = Array(sealed[Self.sealLength...])
    return crypto_auth_hmacsha256_verify(sealed, content, UInt64(content.count), bytes) == 0 ? content : nil
  }

  private static let sealLength = Int(crypto_auth_hmacsha256_BYTES)
  private static let isReady = sodium_init() >= 0
}
