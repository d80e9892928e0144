import Distributed
import Foundation
import Glibc
import Tensors
import TestSupport
import Testing

extension Ranks {
  @Suite("Gradient reducer") @RankThread struct GradientReducerTests {
    let world = RankWorld.shared

    /// What rank `rank` puts at `index`: small integers, so that sums are exact in any order.
    private func addend(_ rank: Int, _ index: Int) -> Float { Float((index * 7 + rank * 13) % 1001) }

    private func expected(_ index: Int) -> Float { (0..<world.size).reduce(0) { $0 + addend($1, index) } }

    private func withArena(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void) throws {
      let arena = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      defer { arena.deallocate() }
      for index in arena.indices { arena.initializeElement(at: index, to: addend(world.rank, index)) }
      try body(arena)
    }

    @Test("buckets hold the sums and the gaps between them stay as they were")
    func sums() throws {
      // Oracle: the closed form of the sum over ranks.
      try withArena(400_000) { arena in
        let buckets = GradientBuckets(ranges: [3..<4, 10..<100_000, 100_000..<100_000, 150_000..<399_999])
        let reducer = GradientReducer(world, base: try #require(arena.baseAddress), buckets: buckets)
        for step in 0..<3 {
          for index in arena.indices { arena[index] = addend(world.rank, index + step) }
          reducer.beginStep()
          for bucket in buckets.ranges.indices {
            try reducer.start(bucket: bucket)
            try reducer.progress()
          }
          try reducer.waitAll()
          let wrong = arena.indices.first { index in
            let isReduced = buckets.ranges.contains { $0.contains(index) }
            return arena[index] != (isReduced ? expected(index + step) : addend(world.rank, index + step))
          }
          #expect(wrong == nil, "first wrong float in step \(step)")
        }
      }
    }

    @Test("buckets that complete in another order on each rank are posted in index order")
    func order() throws {
      // Oracle: sums; were the calls mismatched, buckets of different lengths would truncate or mix.
      try withArena(60_000) { arena in
        let buckets = GradientBuckets(ranges: [0..<10_000, 10_000..<12_000, 12_000..<40_000, 40_000..<60_000])
        let reducer = GradientReducer(world, base: try #require(arena.baseAddress), buckets: buckets)
        reducer.beginStep()
        for turn in 0..<4 {
          let bucket = (3 - turn + world.rank) % 4
          try reducer.start(bucket: bucket)
          // Bucket 0 may be posted at once; a later one is not complete before those in front were started.
          if turn < 3, bucket == 3 { #expect(try !reducer.isComplete(bucket: 3)) }
        }
        while try !reducer.isComplete(bucket: 3) { try reducer.progress() }
        try reducer.waitAll()
        #expect(arena.indices.allSatisfy { arena[$0] == expected($0) })
      }
    }

    /// An addend whose sums are rounded, of any sign and size.
    private func roughAddend(_ rank: Int, _ index: Int) -> Float {
      var random = RandomSequence(Philox(seed: 3, stream: UInt32(rank)), UInt32(index), 0, 0)
      return random.normal() * Float(1 << (index % 20))
    }

    /// Reduces rough addends as a training step does and returns the sums, which are the same bits on all ranks.
    private func reduceRough(_ count: Int, _ buckets: GradientBuckets, _ summation: GradientSummation) throws -> [Float]
    {
      let arena = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
      defer { arena.deallocate() }
      for index in 0..<count { arena.initializeElement(at: index, to: roughAddend(world.rank, index)) }
      let reducer = GradientReducer(
        world, base: try #require(arena.baseAddress), buckets: buckets, summation: summation)
      reducer.beginStep()
      for bucket in buckets.ranges.indices {
        try reducer.start(bucket: bucket)
        try reducer.progress()
      }
      // The last bucket first: a rank that waits for it must serve the others.
      for bucket in buckets.ranges.indices.reversed() { try reducer.wait(bucket: bucket) }
      let bits = buckets.ranges.flatMap { arena[$0].map(\.bitPattern) }
      let areSameEverywhere = Set(try world.allgather(bits.map(String.init).joined(separator: " "))).count == 1
      #expect(areSameEverywhere)
      return Array(arena)
    }

    @Test("in half precision each addend and the sum are rounded to bfloat16, and exact buckets are not")
    func halfPrecision() throws {
      // Oracle: rounding by bits, and a sum in the order of the ranks.
      func rounded(_ value: Float) -> Float {
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) & 0xffff_0000)
      }
      let buckets = GradientBuckets(
        ranges: [0..<16, 16..<30_021, 30_032..<70_001, 70_001..<70_040], isExact: [true, false, false, true])
      let sums = try reduceRough(70_040, buckets, .halfPrecision)
      let exact = try reduceRough(70_040, GradientBuckets(ranges: [0..<70_040]), .ring)
      for (range, isExact) in zip(buckets.ranges, buckets.isExact) {
        let wrong = range.first { index in
          let addends = (0..<world.size).map { rounded(roughAddend($0, index)) }
          let scale = addends.reduce(0) { $0 + abs($1) }
          return isExact
            ? abs(sums[index] - exact[index]) > 1e-5 * scale : sums[index] != rounded(addends.reduce(0, +))
        }
        #expect(wrong == nil, "first wrong float of \(range)")
      }
    }

    @Test("in a fixed tree the sum is that of pairs, then of pairs of pairs")
    func fixedTree() throws {
      // Oracle: the tree, recursively.
      func tree(_ ranks: Range<Int>, _ index: Int) -> Float {
        if ranks.count == 1 { return roughAddend(ranks.lowerBound, index) }
        let middle = ranks.lowerBound + ranks.count / 2
        return tree(ranks.lowerBound..<middle, index) + tree(middle..<ranks.upperBound, index)
      }
      let buckets = GradientBuckets(ranges: [0..<5, 5..<50_000, 50_000..<50_001])
      let sums = try reduceRough(50_001, buckets, .fixedTree)
      let wrong = sums.indices.first { sums[$0] != tree(0..<world.size, $0) }
      #expect(wrong == nil, "first wrong float")
    }

    @Test("progress alone completes all buckets, without a wait")
    func progressOnly() throws {
      try withArena(2_000_000) { arena in
        let buckets = GradientBuckets.cut((0..<20).map { $0 * 100_000..<($0 + 1) * 100_000 }, bucketBytes: 1 << 20)
        let reducer = GradientReducer(world, base: try #require(arena.baseAddress), buckets: buckets)
        reducer.beginStep()
        for bucket in buckets.ranges.indices { try reducer.start(bucket: bucket) }
        let clock = ContinuousClock()
        let start = clock.now
        while clock.now - start < .seconds(HangLimit.seconds), try !reducer.isComplete(bucket: buckets.ranges.count - 1)
        {
          try reducer.progress()
        }
        #expect(arena.indices.allSatisfy { arena[$0] == expected($0) })
        try reducer.waitAll()
        #expect(reducer.bytes == 8_000_000)
        #expect(reducer.exposedSeconds > 0)
      }
    }

    @Test("a rank that does not come is a stall that names phase, bucket, rank and host")
    func stall() throws {
      // Oracle: the last rank starts bucket 1 late, once every other one has said that its deadline of 0.2 s passed.
      let isLate = world.rank == world.size - 1
      let folder = try world.broadcast(world.rank == 0 ? "\(NSTemporaryDirectory())/stall-\(getpid())" : "")
      mkdir(folder, 0o700)
      func mark(_ rank: Int) -> String { "\(folder)/\(rank)" }
      let deadline = world.deadlineSeconds
      try withArena(30_000) { arena in
        let buckets = GradientBuckets(ranges: [0..<10_000, 10_000..<30_000])
        let reducer = GradientReducer(world, base: try #require(arena.baseAddress), buckets: buckets)
        reducer.beginStep()
        try reducer.start(bucket: 0)
        try reducer.wait(bucket: 0)
        if isLate {
          HangLimit.wait { (0..<world.size - 1).allSatisfy { access(mark($0), F_OK) == 0 } }
          try reducer.start(bucket: 1)
        } else {
          world.deadlineSeconds = 0.2
          world.phase = "step 7: backward"
          try reducer.start(bucket: 1)
          do throws(RankError) {
            try reducer.wait(bucket: 1)
            Issue.record("the wait returned, but the last rank sleeps")
          } catch {
            for part in ["rank \(world.rank) on \(world.host)", "step 7: backward", "bucket 1 of 2", "0.2 s"] {
              #expect(error.description.contains(part), "\(error)")
            }
            #expect(error.exitCode.rawValue == 74)
          }
          world.deadlineSeconds = deadline
          close(creat(mark(world.rank), 0o600))
        }
        // The late rank comes after all: the request is still alive, so that later tests find the ranks in step.
        try reducer.waitAll()
        #expect(arena.indices.allSatisfy { arena[$0] == expected($0) })
      }
      if isLate { try FileManager.default.removeItem(atPath: folder) }
    }
  }
}
