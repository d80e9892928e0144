// Note [Digests]
// A digest is to notice a flipped bit anywhere, at the speed of memory; nobody tries to forge one. Every word enters by
// steps that can be undone (exclusive or, product with an odd number, a shifted exclusive or), so tensors that differ in
// one word always have different digests, and others almost always. The chunks of a tensor do not depend on the number
// of threads.

/// 64 bits that stand for the bits of each tensor; see Note [Digests].
///
/// The work is shared among the threads of the pool.
public func digests(of tensors: [UnsafeBufferPointer<Float>]) -> [UInt64] {
  // The first chunk of each tensor, and the end.
  let starts = tensors.reduce(into: [0]) { $0.append($0[$0.count - 1] + ($1.count + chunkWords - 1) / chunkWords) }
  var parts = [UInt64](repeating: 0, count: starts[tensors.count])
  parts.withUnsafeMutableBufferPointer { parts in
    parallelRanges(parts.count) { range, _ in
      var tensor = 0
      for chunk in range {
        while starts[tensor + 1] <= chunk { tensor += 1 }
        let first = (chunk - starts[tensor]) * chunkWords
        parts[chunk] = digest(
          UnsafeBufferPointer(rebasing: tensors[tensor][first..<min(first + chunkWords, tensors[tensor].count)]))
      }
    }
  }
  return tensors.indices.map { tensor in
    parts[starts[tensor]..<starts[tensor + 1]].reduce(UInt64(tensors[tensor].count)) { mix($0 ^ $1) }
  }
}

/// Words that are digested at a time.
private let chunkWords = 1 << 14

/// An odd number without a pattern: the golden ratio's bits.
private let factor: UInt64 = 0x9e37_79b9_7f4a_7c15

@inline(__always)
private func mix(_ state: UInt64) -> UInt64 {
  let product = state &* factor
  return product ^ product >> 32
}

@inline(__always)
private func mix(_ state: SIMD8<UInt64>) -> SIMD8<UInt64> {
  let product = state &* SIMD8(repeating: factor)
  return product ^ product &>> SIMD8(repeating: 32)
}

/// The digest of a chunk: four chains of eight lanes, so that products need not wait for each other.
private func digest(_ words: UnsafeBufferPointer<Float>) -> UInt64 {
  guard let base = UnsafeRawPointer(words.baseAddress) else { return 0 }
  var (a, b) = (SIMD8<UInt64>(repeating: 1), SIMD8<UInt64>(repeating: 2))
  var (c, d) = (SIMD8<UInt64>(repeating: 3), SIMD8<UInt64>(repeating: 4))
  let (bytes, block) = (words.count * 4, 64)
  var offset = 0
  while offset &+ 4 &* block <= bytes {
    a = mix(a ^ (base + offset).loadUnaligned(as: SIMD8<UInt64>.self))
    b = mix(b ^ (base + (offset &+ block)).loadUnaligned(as: SIMD8<UInt64>.self))
    c = mix(c ^ (base + (offset &+ 2 &* block)).loadUnaligned(as: SIMD8<UInt64>.self))
    d = mix(d ^ (base + (offset &+ 3 &* block)).loadUnaligned(as: SIMD8<UInt64>.self))
    offset &+= 4 &* block
  }
  var state = UInt64(words.count)
  for chain in [a, b, c, d] {
    for lane in 0..<8 { state = mix(state ^ chain[lane]) }
  }
  while offset < bytes {
    state = mix(state ^ UInt64((base + offset).loadUnaligned(as: UInt32.self)))
    offset += 4
  }
  return state
}
