import Distributed
import Tensors
import Testing

extension Ranks {
  @Suite("Agreement") @RankThread struct AgreementTests {
    let world = RankWorld.shared

    @Test("a flag of one rank is every rank's, and the most urgent code wins")
    func flags() throws {
      #expect(try !world.agreeOnAny(false))
      for rank in 0..<world.size { #expect(try world.agreeOnAny(world.rank == rank)) }
      #expect(try world.agreeOnLargest(world.rank * 2) == (world.size - 1) * 2)
      #expect(try world.agreeOnLargest(-1 - world.rank) == -1)
    }

    @Test("no error is agreed on as none")
    func noError() throws {
      #expect(try world.firstError(nil) == nil)
      #expect(try world.collectively { world.rank } == world.rank)
    }

    @Test("the lowest failing rank's error reaches every rank with its code, message and host")
    func firstError() throws {
      // Oracle: by construction; every rank from 1 fails, each with another code and text.
      let code: ExitCode = world.rank == 1 ? .badData : .missingFile
      let mine = world.rank == 0 ? nil : InputError(code, "cannot read shard \(world.rank)")
      let agreed = try #require(try world.firstError(mine))
      #expect(agreed.rank == 1)
      #expect(agreed.exitCode == .badData)
      #expect(agreed.description.contains("rank 1 on \(try world.allgather(world.host)[1]): cannot read shard 1"))
    }

    @Test("work done collectively throws on all ranks when it throws on one")
    func collectively() throws {
      struct Odd: Error {}
      let last = world.size - 1
      do {
        try world.collectively { if world.rank == last { throw Odd() } }
        Issue.record("rank \(last) threw, this rank did not")
      } catch let error as AgreedError {
        #expect(error.rank == last)
        #expect(error.exitCode == .internalError)
        #expect(error.description.contains("Odd"))
      }
      // Nested: the inner agreement is thrown on by the outer one, without a second exchange.
      #expect(throws: AgreedError.self) {
        try world.collectively { try world.collectively { throw InputError(.cannotWrite, "full") } }
      }
      try world.barrier()
    }

    @Test("equal fingerprints pass and a different rank is named with both values")
    func fingerprints() throws {
      let common = [(name: "cpu", value: "EPYC"), (name: "config", value: "ab\n12")]
      #expect(try world.fingerprintDifferences(common) == [])
      try world.requireEqualFingerprints(common)

      let last = world.size - 1
      var mine = common + [(name: "oneDNN", value: world.rank == last ? "3.1" : "2.6")]
      if world.rank == last { mine.append((name: "extra", value: "x")) }
      let hosts = try world.allgather(world.host)
      #expect(
        try world.fingerprintDifferences(mine).map(\.description) == [
          "rank \(last) on \(hosts[last]) differs from rank 0 in oneDNN: expected \"2.6\", got \"3.1\"",
          "rank \(last) on \(hosts[last]) differs from rank 0 in extra: expected \"\", got \"x\"",
        ])
      do {
        try world.requireEqualFingerprints(mine)
        Issue.record("different fingerprints passed")
      } catch let error as AgreedError {
        #expect(error.exitCode == .badConfiguration)
        #expect(error.rank == last)
      }
    }

    @Test("launch facts name every rank's host and cores, and its own threads fit them")
    func launchFacts() throws {
      // Oracle: the kernel's own CPU list of this thread, and invariants of the counts.
      let facts = try RankWorld.launchFacts()
      #expect(facts.ranks == world.size)
      #expect(facts.placements.map(\.rank) == Array(0..<world.size))
      #expect(facts.placements[world.rank].cpus == allowedCPUs())
      #expect(facts.localRanks == world.localSize)
      #expect(facts.boundCores >= 1 && facts.boundCores <= facts.nodeCores)
      #expect(facts.launcher == .mpirun)
      let choice = try ThreadChoice.choose(configured: nil, facts: facts, environment: [:])
      #expect(choice.source == .cores)
      #expect(choice.threads <= facts.boundCores)
    }
  }
}
