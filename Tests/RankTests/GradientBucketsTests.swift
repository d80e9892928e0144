import Distributed
import Testing

@Suite("Gradient buckets")
struct GradientBucketsTests {
  @Test("the first bucket is small and the others close at their size")
  func sizes() {
    // Oracle: by hand. Ten parameters of 100 floats, 400 bytes each.
    let parameters = (0..<10).map { $0 * 100..<($0 + 1) * 100 }
    let buckets = GradientBuckets.cut(parameters, firstBucketBytes: 400, bucketBytes: 1000)
    #expect(buckets.ranges == [0..<100, 100..<400, 400..<700, 700..<1000])
  }

  @Test("a parameter is never split and alignment gaps go with their bucket")
  func gaps() {
    let parameters = [0..<3, 16..<20, 32..<5000, 5008..<5009]
    let buckets = GradientBuckets.cut(parameters, firstBucketBytes: 64, bucketBytes: 4000)
    #expect(buckets.ranges == [0..<20, 32..<5000, 5008..<5009])
  }

  @Test("what is no gradient rides along, or has exact buckets of its own")
  func headAndTail() {
    let parameters = [16..<100, 112..<200, 208..<300]
    func cut(_ separatesExact: Bool) -> GradientBuckets {
      .cut(
        parameters, head: 0..<16, tail: 304..<310, separatesExact: separatesExact, firstBucketBytes: 400,
        bucketBytes: 400)
    }
    #expect(cut(false) == GradientBuckets(ranges: [0..<100, 112..<300, 304..<310]))
    #expect(
      cut(true)
        == GradientBuckets(
          ranges: [0..<16, 16..<200, 208..<300, 304..<310], isExact: [true, false, false, true]))
  }

  @Test("no parameters make no buckets, and one makes one")
  func few() {
    #expect(GradientBuckets.cut([]).ranges.isEmpty)
    #expect(GradientBuckets.cut([8..<9]).ranges == [8..<9])
  }

  @Test("RetinaNet's 136 MB become a first bucket of a few MiB and then buckets of about 25 MiB")
  func retinaNetSized() {
    // Oracle: invariants; every float of a parameter lies in exactly one bucket, in order.
    let parameters = (0..<150).map { $0 * 226_667..<($0 + 1) * 226_667 }
    let buckets = GradientBuckets.cut(parameters)
    #expect(buckets.ranges.first?.lowerBound == 0 && buckets.ranges.last?.upperBound == 150 * 226_667)
    #expect(zip(buckets.ranges, buckets.ranges.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
    #expect(buckets.ranges[0].count * 4 < 2 << 20)
    #expect(buckets.ranges.count == 7)
    #expect(buckets.ranges.dropFirst().dropLast().allSatisfy { (25 << 20..<26 << 20).contains($0.count * 4) })
  }

  @Test("one rank needs no MPI: a started bucket is complete and unchanged")
  func oneRank() throws {
    let world = try MPIEnvironment.start(environment: [:]).world
    #expect((world.size, world.localSize) == (1, 1))
    var gradients: [Float] = [1, 2, 3]
    try gradients.withUnsafeMutableBufferPointer { buffer in
      let base = try #require(buffer.baseAddress)
      let reducer = GradientReducer(world, base: base, buckets: GradientBuckets(ranges: [0..<1, 1..<3]))
      for _ in 0..<2 {
        reducer.beginStep()
        try reducer.start(bucket: 1)
        #expect(try !reducer.isComplete(bucket: 1))
        try reducer.start(bucket: 0)
        try reducer.progress()
        #expect(try reducer.isComplete(bucket: 1))
        try reducer.waitAll()
      }
    }
    #expect(gradients == [1, 2, 3])
    #expect(try world.allreduced(Float(5), .sum) == 5)
    #expect(try world.broadcast("alone") == "alone")
    try world.barrier()
  }
}
