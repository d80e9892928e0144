import Distributed
import Graph
import Tensors
import Testing

@testable import Training

extension Ranks {
  /// Oracle: what was changed, on which rank.
  @Suite("Replica sentinel") @RankThread struct ReplicaDifferenceTests {
    let world = RankWorld.shared

    @Test("equal values are no difference, also at the ends of their range")
    func equal() throws {
      #expect(try world.firstDifference(in: [0, 1, .max, 1 << 63, 1 << 63 - 1]) == nil)
      #expect(try world.firstDifference(in: []) == nil)
    }

    @Test("the first value that differs is named, with the ranks outside of the majority", arguments: [0, 1])
    func different(odd: Int) throws {
      // High and low halves of the range, where signed and unsigned order part.
      var values: [UInt64] = [5, 1 << 63, 7, .max]
      if world.rank == odd { values[1] = 3 }
      if world.rank == 0 { values[3] = 0 }
      let found = try #require(try world.firstDifference(in: values))
      #expect(found.index == 1 && found.count == 2)
      #expect(found.hasMajority == (world.size > 2))
      #expect(found.ranks.map(\.rank) == (world.size > 2 ? [odd] : Array(0..<world.size)))
      #expect(found.ranks.allSatisfy { $0.host == world.host })
    }

    @Test("a flipped bit of a rank's parameter, momentum or statistic is found and named, and nothing else")
    func flippedBit() throws {
      let training = SyntheticTraining(side: 64)
      let replica = try training.replica(on: world)
      let store = replica.plan.parameters
      var sentinel = ReplicaSentinel(training.configuration, communicator: world, store: store, step: 0)
      try training.train(replica, steps: 0..<2)
      try sentinel.check(step: 100, isAboutToSave: false)
      #expect(sentinel.lastAgreement == 100)
      let cases: [(name: String, part: ParameterStore.Part, named: String)] = [
        ("backbone.body.layer3.0.conv1.weight", .value, "differ in backbone.body.layer3.0.conv1.weight: "),
        ("backbone.body.bn1.bias", .momentum, "differ in the momentum of backbone.body.bn1.bias: "),
        ("backbone.body.bn1.running_var", .value, "differ in backbone.body.bn1.running_var: "),
      ]
      for (name, part, named) in cases {
        let before = store.read(name, part)
        if world.rank == 1 {
          var after = before
          after[after.count - 1] = Float(bitPattern: after[after.count - 1].bitPattern ^ 1)
          store.write(name, part, after)
        }
        // Not a step of the interval, and not one that saves: nobody looks.
        try sentinel.check(step: 101, isAboutToSave: false)
        for (step, saves) in [(101, true), (200, false)] {
          do {
            try sentinel.check(step: step, isAboutToSave: saves)
            Issue.record("\(name) was not found")
          } catch let error as AgreedError {
            #expect(error.exitCode == .diverged)
            for part in ["step \(step): ", named, "rank 1 on \(world.host)", "agreed after step 100"] {
              #expect(error.description.contains(part), "\(error)")
            }
            #expect(error.description.contains("rank 0 on") == (world.size == 2))
          }
        }
        store.write(name, part, before)
        try sentinel.check(step: 101, isAboutToSave: true)
        sentinel = ReplicaSentinel(training.configuration, communicator: world, store: store, step: 100)
      }
    }
  }
}
