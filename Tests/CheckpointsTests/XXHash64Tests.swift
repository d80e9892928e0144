import Testing

@testable import Checkpoints

@Suite struct XXHash64Tests {
  @Test(
    "XXH64 gives the published values",
    arguments: [
      ("", "ef46db3751d8e999"), ("a", "d24ec4f1a98c6e5b"), ("abc", "44bc2cf5ad770999"),
      ("Nobody inspects the spammish repetition", "fbcea83c8a378bf1"),
    ])
  func publishedValues(text: String, hash: String) {
    // Oracle: values printed by the reference implementation (xxhsum; the last is the example of python-xxhash).
    let bytes = Array(text.utf8)
    #expect(bytes.withUnsafeBytes { XXHash64.text(of: $0) } == hash)
  }

  @Test("the hash does not depend on how the stream is cut into pieces")
  func pieces() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    let whole = bytes.withUnsafeBytes { XXHash64.text(of: $0) }
    for step in [1, 7, 31, 32, 33, 100, 999] {
      var hash = XXHash64()
      for start in stride(from: 0, to: bytes.count, by: step) {
        bytes[start..<min(start + step, bytes.count)].withUnsafeBytes { hash.update($0) }
      }
      #expect(hash.text == whole)
    }
  }
}
