import Tensors
import Testing

@Suite struct PhiloxTests {
  /// The known answers that Random123 publishes in its `kat_vectors` for philox4x32-10.
  @Test("Philox gives Random123's known answers")
  func knownAnswers() {
    let ones = UInt32.max
    #expect(
      Philox(key: (0, 0)).block(SIMD4(repeating: 0))
        == SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox(key: (ones, ones)).block(SIMD4(repeating: ones))
        == SIMD4<UInt32>(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox(key: (0xa409_3822, 0x299f_31d0)).block(SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
        == SIMD4<UInt32>(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test("a parallel loop visits every index once, whatever the threads", arguments: [1, 2, 3])
  func parallelLoop(threads: Int) {
    let before = ThreadPool.threadCount
    defer { ThreadPool.setThreadCount(before) }
    ThreadPool.setThreadCount(threads)
    let memory = AlignedMemory(byteCount: 1000 * 8)
    let counts = memory.pointer(to: Int.self)
    parallel(1000) { counts[$0] += $0 }
    #expect((0..<1000).allSatisfy { counts[$0] == $0 })
  }
}
