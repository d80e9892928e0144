import Distributed
import Glibc
import Tensors
import Testing

extension Ranks {
  @Suite("Collectives") @RankThread struct CollectiveTests {
    let world = RankWorld.shared

    @Test("MPI runs on one thread, from test to test")
    func oneThread() {
      // Oracle: the thread that started MPI, noted by the first test that ran.
      #expect(pthread_equal(pthread_self(), RankWorld.thread) != 0)
    }

    @Test("ranks are distinct, and one node holds all of them")
    func identity() throws {
      // Oracle: the launcher's own variables; one host here.
      let variables = processEnvironment()
      #expect(variables["OMPI_COMM_WORLD_RANK"] == String(world.rank))
      #expect(variables["OMPI_COMM_WORLD_SIZE"] == String(world.size))
      let hosts = Set(try world.allgather(world.host))
      if hosts.count == 1 {
        #expect((world.localRank, world.localSize) == (world.rank, world.size))
      }
    }

    @Test("allreduce sums, and finds the largest and smallest, in every type and at awkward counts")
    func allreduce() throws {
      // Oracle: closed forms over the ranks r = 0..<N of r + i, exact in every type.
      let ranks = world.size
      let sumOfRanks = ranks * (ranks - 1) / 2
      for count in [0, 1, 2, 3, 5, 1023, 70_001] {
        var floats = (0..<count).map { Float(world.rank + $0) }
        try world.allreduce(&floats, .sum)
        #expect(floats == (0..<count).map { Float(sumOfRanks + ranks * $0) })
        var doubles = (0..<count).map { Double(world.rank + $0) }
        try world.allreduce(&doubles, .maximum)
        #expect(doubles == (0..<count).map { Double(ranks - 1 + $0) })
        var integers = (0..<count).map { Int64(world.rank - $0) }
        try world.allreduce(&integers, .minimum)
        #expect(integers == (0..<count).map { Int64(-$0) })
        var bytes = (0..<count).map { _ in UInt8(world.rank + 1) }
        try world.allreduce(&bytes, .sum)
        #expect(bytes == [UInt8](repeating: UInt8(sumOfRanks + ranks), count: count))
      }
      #expect(try world.allreduced(Double(world.rank), .maximum) == Double(ranks - 1))
    }

    @Test("a float sum has the same bits on every rank")
    func equalBits() throws {
      // Oracle: the other ranks; the addends differ so much that the order of addition shows in the last bits.
      var values = (0..<10_007).map { Float(sin(Double($0 * (world.rank + 3)))) * Float($0 % 97) }
      try world.allreduce(&values, .sum)
      let everywhere = try world.allgather(values.withUnsafeBytes { Array($0) })
      #expect(everywhere.allSatisfy { $0 == everywhere[0] })
    }

    @Test("broadcast copies the root's bytes, text and values to every rank")
    func broadcast() throws {
      struct Plan: Codable, Equatable {
        var name: String
        var choices: [Int]
      }
      for root in 0..<world.size {
        let isRoot = world.rank == root
        #expect(try world.broadcast(isRoot ? [1, 2, 3] : [9], from: root) == [1, 2, 3])
        #expect(try world.broadcast(isRoot ? "größer" : "", from: root) == "größer")
        let plan = Plan(name: isRoot ? "winograd" : "", choices: isRoot ? [4, 5] : [])
        #expect(try world.broadcast(value: plan, from: root) == Plan(name: "winograd", choices: [4, 5]))
        let memory = UnsafeMutableBufferPointer<Double>.allocate(capacity: 300_001)
        defer { memory.deallocate() }
        for index in memory.indices { memory.initializeElement(at: index, to: isRoot ? Double(index) : -1) }
        try world.broadcast(memory, from: root)
        #expect(memory.indices.allSatisfy { memory[$0] == Double($0) })
      }
    }

    @Test("a value that JSON cannot hold is an error on every rank")
    func unencodable() throws {
      #expect(throws: RankError.self) { try world.broadcast(value: [Double.nan]) }
      try world.barrier()
    }

    @Test("gather keeps every rank's own length, empty ones too")
    func gather() throws {
      let mine = [UInt8](repeating: UInt8(world.rank), count: world.rank * 70_000)
      let expected = (0..<world.size).map { [UInt8](repeating: UInt8($0), count: $0 * 70_000) }
      let gathered = try world.gather(mine)
      #expect(gathered == (world.rank == 0 ? expected : []))
      #expect(try world.allgather(mine) == expected)
      #expect(try world.allgather("rank \(world.rank)") == (0..<world.size).map { "rank \($0)" })
    }

    @Test("no rank leaves a barrier before the last one has come")
    func barrier() throws {
      // Oracle: the clock, which is one for the whole host; the last rank comes 50 ms late.
      try world.barrier()
      if world.rank == world.size - 1 { usleep(50_000) }
      let came = monotonicSeconds()
      try world.barrier()
      let left = monotonicSeconds()
      #expect(try world.allgather("\(came)").compactMap(Double.init).allSatisfy { $0 <= left })
    }

    @Test("time inside MPI is counted")
    func accounting() throws {
      // Oracle: the clock around all of it. The first rank comes late ten times over, so that ranks which themselves come a
      // little late, as on a busy machine, wait for it all the same.
      let (before, start) = (world.secondsInMPI, monotonicSeconds())
      for _ in 0..<10 {
        if world.rank == 0 { usleep(30_000) }
        try world.barrier()
      }
      let (spent, all) = (world.secondsInMPI - before, monotonicSeconds() - start)
      if world.rank > 0 { #expect(spent >= 0.02) }
      #expect(spent <= all)
    }
  }
}
