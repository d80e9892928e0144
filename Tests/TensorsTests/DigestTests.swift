import Tensors
import Testing

/// Oracle: what a digest is for.
///
/// Tensors are of one chunk, of several, and with every kind of rest.
@Suite struct DigestTests {
  private static let counts = [1, 15, 16, 63, 64, 65, 130, 16_384, 16_385, 40_000]

  private func values(_ count: Int) -> [Float] {
    var random = RandomSequence(Philox(seed: 3, stream: 0), 0, 0, 0)
    return (0..<count).map { _ in random.normal() }
  }

  private func digest(_ values: [Float]) -> UInt64 { values.withUnsafeBufferPointer { digests(of: [$0])[0] } }

  @Test("every single flipped bit shows, in the last word of a block as in the first", arguments: counts)
  func singleBits(count: Int) {
    var values = values(count)
    let before = digest(values)
    let places = [0, 1, 15, 16, 31, 63, 64, count / 2, 16_383, 16_384, count - 2, count - 1]
    for place in Set(places) where values.indices.contains(place) {
      for bit in 0..<UInt32(32) {
        let kept = values[place]
        values[place] = Float(bitPattern: kept.bitPattern ^ 1 << bit)
        #expect(digest(values) != before, "bit \(bit) of word \(place)")
        values[place] = kept
      }
    }
    #expect(digest(values) == before)
  }

  @Test("two flipped signs, two swapped words and another length show")
  func pairs() {
    let values = values(20_000)
    let before = digest(values)
    for (first, second) in [(0, 64), (1, 65), (1, 257), (0, 16_384), (19_998, 19_999)] {
      var changed = values
      changed[first].negate()
      changed[second].negate()
      #expect(digest(changed) != before, "signs of \(first) and \(second)")
      changed = values
      changed.swapAt(first, second)
      #expect(digest(changed) != before, "\(first) and \(second) swapped")
    }
    #expect(digest([Float](repeating: 0, count: 3)) != digest([Float](repeating: 0, count: 4)))
    // 0 and -0 are equal numbers, but not equal bits.
    #expect(digest([0]) != digest([-0.0]))
  }

  @Test("a tensor's digest depends neither on its neighbours nor on the number of threads")
  func independence() {
    let tensors = Self.counts.map(values)
    let threads = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(threads) }
    for count in [1, 2, 3] {
      ThreadPool.setThreadCount(count)
      var buffers: [UnsafeBufferPointer<Float>] = []
      for tensor in tensors {
        let memory = UnsafeMutableBufferPointer<Float>.allocate(capacity: tensor.count)
        _ = memory.initialize(from: tensor)
        buffers.append(UnsafeBufferPointer(memory))
      }
      buffers.append(UnsafeBufferPointer(start: nil, count: 0))
      #expect(digests(of: buffers).dropLast() == tensors.map(digest)[...])
      for buffer in buffers { buffer.deallocate() }
    }
  }
}
