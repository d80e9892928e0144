import Distributed
import Graph
import TestSupport
import Testing

@testable import Training

extension Ranks {
  @Suite("Replica") @RankThread struct ReplicaTests {
    let world = RankWorld.shared

    /// Training with every rank for itself but for the gradients.
    private func localTraining() -> SyntheticTraining {
      var training = SyntheticTraining(side: 64)
      training.configuration.batchNorm.statistics = .local
      training.configuration.loss.normalizer = .local
      training.configuration.dropBlock.normalizer = .local
      return training
    }

    /// Whether all ranks hold the same bits.
    private func isSameEverywhere(_ replica: Replica<Detector>) throws -> Bool {
      Set(try world.allgather(replica.checksums.joined(separator: " "))).count == 1
    }

    @Test("ranks that saw different images and masks hold the same bits after three steps")
    func sameBits() throws {
      // Oracle: the other ranks.
      var training = localTraining()
      training.configuration.random.stream = .rank
      let replica = try training.replica(on: world)
      let start = replica.checksums
      try training.train(replica, steps: 0..<3)
      #expect(zip(start, replica.checksums).allSatisfy { $0 != $1 })
      #expect(try isSameEverywhere(replica))
      // What the ranks had in common was not their masks.
      let kept = replica.plan.keptFractions.reduce(0, +)
      let (most, least) = (try world.allreduced(kept, .maximum), try world.allreduced(kept, .minimum))
      #expect(most > least)
    }

    @Test("gradients that travel as bfloat16 move the parameters almost as floats do, with the same bits on all ranks")
    func halfPrecision() throws {
      // Oracle: the same steps with floats. Two roundings to 8 bits are 2^-9 each of a gradient; Winograd does more.
      var training = localTraining()
      let floats = try training.replica(on: world)
      let start = Array(floats.plan.parameters.valueArena)
      let expected = try training.train(floats, steps: 0..<1)
      training.configuration.allreduce.precision = .bf16
      let halves = try training.replica(on: world)
      let found = try training.train(halves, steps: 0..<1)
      #expect(try isSameEverywhere(halves))
      // Exact, but cut into other buckets, and so added in another order.
      #expect(abs(found[0].loss / expected[0].loss - 1) < 1e-6)
      let (a, b) = (Array(floats.plan.parameters.momentumArena), Array(halves.plan.parameters.momentumArena))
      let distance = Closeness(of: b, to: a).relativeL2
      #expect(distance < 4e-3 && distance > 1e-5)
      let statistics = [floats, halves].map { Array($0.plan.parameters.runningStatistics) }
      #expect(Closeness(of: statistics[1], to: statistics[0]).relativeL2 < 1e-7)
      let hasMoved = start != Array(halves.plan.parameters.valueArena)
      #expect(hasMoved)
      #expect(halves.reducer.bytes < floats.reducer.bytes * 51 / 100)
    }

    @Test("two passes on each rank equal twice as many passes on one rank")
    func accumulation() throws {
      // Oracle: one rank that accumulates over all passes; statistics and normalisers are those of a pass on both sides.
      var training = localTraining()
      training.configuration.batch.accumulate = 2
      let replica = try training.replica(on: world)
      var results = try training.train(replica, steps: 0..<1)
      let momentum = Array(replica.plan.parameters.momentumArena)
      results += try training.train(replica, steps: 1..<3)
      let distances = try world.onFirstRank {
        training.configuration.batch.accumulate = 2 * world.size
        let reference = try training.replica(on: .alone())
        let store = reference.plan.parameters
        let start = Array(store.valueArena)
        var expected = try training.train(reference, steps: 0..<1)
        let first = Closeness(of: momentum, to: Array(store.momentumArena))
        expected += try training.train(reference, steps: 1..<3)
        let end = Array(store.valueArena)
        let losses = zip(results, expected).map { abs($0.loss / $1.loss - 1) }
        return [
          first.relativeL2, Closeness(of: Array(replica.plan.parameters.valueArena), to: end).relativeL2,
          losses.max() ?? .infinity, Closeness(of: start, to: end).relativeL2,
        ]
      }
      // After a first step the momentum is the gradient, and every pass was computed alike: only the order of their sum
      // differs. Later steps magnify that: a pass of one image normalises 4 values at the deepest layers.
      #expect(distances[0] < 1e-6)
      #expect(distances[1] < 1e-5)
      #expect(distances[2] < 1e-4)
      #expect(distances[3] > 3e-4, "the parameters have to move far more than the tolerance")
    }

    @Test("shards in one tree: any number of ranks gives the bits of one rank")
    func shards() throws {
      // Oracle: the first rank alone, which works on all shards one after the other.
      var training = localTraining()
      training.configuration.reproducible = .acrossRanks
      training.configuration.batch.size = .global(4 * 2)
      training.configuration.batch.perShard = 2
      training.configuration.random.stream = .rank
      let replica = try training.replica(on: world)
      let losses = try training.train(replica, steps: 0..<2).map(\.loss)
      #expect(try isSameEverywhere(replica))
      let differences = try world.onFirstRank {
        let reference = try training.replica(on: .alone())
        let expected = try training.train(reference, steps: 0..<2).map(\.loss)
        return [
          Double(zip(replica.checksums, reference.checksums).count { $0 != $1 }),
          Double(zip(losses, expected).count { $0 != $1 }),
        ]
      }
      #expect(differences == [0, 0], "parameters, momentum and statistics; losses")
    }

    @Test("a step that leaves DropBlock out is that of a model without it, to the bit")
    func withoutDropBlock() throws {
      // Oracle: a plan that has no masks at all.
      var training = localTraining()
      let regularized = try training.replica(on: world)
      try training.train(regularized, steps: 0..<2, isRegularized: false)
      training.configuration.dropBlock.groups = []
      let plain = try training.replica(on: world)
      try training.train(plain, steps: 0..<2)
      #expect(regularized.checksums == plain.checksums)
      try training.train(regularized, steps: 2..<3)
      try training.train(plain, steps: 2..<3)
      #expect(regularized.checksums != plain.checksums)
    }

    @Test("a loss that is not finite on one rank changes nothing on any rank")
    func notFinite() throws {
      // Oracles: the bits before the step; afterwards a run that never saw it.
      var training = localTraining()
      training.configuration.batch.accumulate = 2
      // The last rank's image in the first of two passes.
      let position = world.size - 1
      training.spoil = { step, at, sample in
        guard at == position else { return }
        if step == 1 { sample.image = sample.image.map { _ in .nan } }
        if step == 2 { sample.targets.positives[0].box[0] = .infinity }
      }
      let replica = try training.replica(on: world)
      try training.train(replica, steps: 0..<1)
      let before = replica.checksums
      for step in [1, 2] {
        let spoiled = try training.train(replica, steps: step..<step + 1)
        #expect(!spoiled[0].isFinite, "step \(step)")
        #expect(replica.checksums == before, "step \(step)")
      }
      let after = try training.train(replica, steps: 3..<4)
      #expect(after[0].isFinite)

      let reference = try training.replica(on: world)
      try training.train(reference, steps: 0..<1)
      try training.train(reference, steps: 3..<4)
      #expect(replica.checksums == reference.checksums)
      #expect(try isSameEverywhere(replica))
    }
  }
}
