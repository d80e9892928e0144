import Tensors
import TestSupport
import Testing

@testable import Datasets

@Suite struct SamplerTests {
  @Test("every epoch is a permutation of all pictures", arguments: [1, 2, 3, 5, 16, 17, 100, 601, 1000, 4099])
  func permutation(count: Int) {
    let sampler = Sampler(imageCount: count, seed: 11)
    for epoch in 0..<3 {
      let order = (0..<count).map { sampler.imageIndex(epoch: epoch, position: $0) }
      #expect(order.sorted() == Array(0..<count))
    }
  }

  @Test("epochs and seeds have different orders, the same ones the same")
  func orders() {
    func order(_ seed: UInt64, _ epoch: Int) -> [Int] {
      let sampler = Sampler(imageCount: 200, seed: seed)
      return (0..<200).map { sampler.imageIndex(epoch: epoch, position: $0) }
    }
    #expect(order(1, 0) == order(1, 0))
    let all = [order(1, 0), order(1, 1), order(2, 0), order(2, 1), order(1 << 40, 0)]
    for (first, one) in all.enumerated() {
      for other in all[..<first] {
        // The agreeing positions of two random orders are Poisson with mean 1; 8 has a chance of 1e-6.
        #expect(zip(one, other).count(where: ==) < 8)
      }
    }
  }

  @Test("each picture is equally often at each position and behind each other one, by chi-square")
  func uniformity() {
    let (count, epochs) = (13, 4000)
    let sampler = Sampler(imageCount: count, seed: 5)
    var at = [Int](repeating: 0, count: count * count)
    var behind = [Int](repeating: 0, count: count * count)
    for epoch in 0..<epochs {
      let order = (0..<count).map { sampler.imageIndex(epoch: epoch, position: $0) }
      for position in 0..<count { at[position * count + order[position]] += 1 }
      for position in 1..<count { behind[order[position - 1] * count + order[position]] += 1 }
    }
    let expected = Double(epochs) / Double(count)
    let positions = at.map { (Double($0) - expected) * (Double($0) - expected) / expected }.reduce(0, +)
    // 144 degrees of freedom: mean 144, deviation 17; five deviations above is 229.
    #expect(positions < 229)
    let pairs = Double(epochs) * Double(count - 1) / Double(count * (count - 1))
    let neighbours = (0..<count * count).filter { $0 / count != $0 % count }.map {
      (Double(behind[$0]) - pairs) * (Double(behind[$0]) - pairs) / pairs
    }.reduce(0, +)
    // 156 cells with 131 degrees of freedom: mean 131, deviation 16.
    #expect(neighbours < 211)
  }

  @Test(
    "the ranks of a step share out one run of positions, and every picture comes once an epoch", arguments: [1, 2, 4])
  func schedule(ranks: Int) throws {
    let sampler = Sampler(imageCount: 50, seed: 3)
    let schedule = try BatchSchedule(sampler: sampler, ranks: ranks, batchSizePerRank: 12 / ranks, name: "data")
    #expect(schedule.stepsPerEpoch == 4)
    for step in 0..<8 {
      let places = (0..<ranks).flatMap { rank in
        (0..<12 / ranks).map { schedule.place(step: step, rank: rank, index: $0) }
      }
      // The same for any number of ranks: that is what makes N ranks one.
      #expect(places.map(\.position) == Array(step % 4 * 12..<step % 4 * 12 + 12))
      #expect(places.allSatisfy { $0.epoch == step / 4 })
    }
  }

  @Test("accumulated micro-batches take the positions of one larger step")
  func accumulation() throws {
    let sampler = Sampler(imageCount: 40, seed: 3)
    let schedule = try BatchSchedule(sampler: sampler, ranks: 2, batchSizePerRank: 3, accumulation: 2, name: "data")
    let positions = (0..<2).flatMap { micro in
      (0..<2).flatMap { rank in
        (0..<3).map { schedule.place(step: 1, microBatch: micro, rank: rank, index: $0).position }
      }
    }
    #expect(positions == Array(12..<24))
  }

  @Test("in rank order a shard has the same positions however many ranks share the step", arguments: [1, 2, 4])
  func shards(ranks: Int) throws {
    let sampler = Sampler(imageCount: 40, seed: 3)
    let schedule = try BatchSchedule(
      sampler: sampler, ranks: ranks, batchSizePerRank: 3, accumulation: 4 / ranks, order: .byRank, name: "data")
    let positions = (0..<ranks).flatMap { rank in
      (0..<4 / ranks).flatMap { micro in
        (0..<3).map { schedule.place(step: 1, microBatch: micro, rank: rank, index: $0).position }
      }
    }
    #expect(positions == Array(12..<24))
  }

  @Test("fewer pictures than a step takes is error 65 that says both numbers")
  func tooFew() {
    let sampler = Sampler(imageCount: 3, seed: 0)
    let error = thrown(InputError.self) {
      try BatchSchedule(sampler: sampler, ranks: 4, batchSizePerRank: 1, name: "small.json")
    }
    #expect(error?.exitCode == .badData)
    #expect(error?.description.contains("small.json: has 3 images, a step takes 4 (4 ranks") == true)
  }

  @Test("faults are counted once each, and too many are error 65 that names the last")
  func faultLog() throws {
    var log = FaultLog(maximum: 2, imageCount: 9)
    let faults = (0..<3).map { DataFault(kind: .unreadableImage, cause: "image \($0)") }
    #expect(try log.record([faults[0], faults[0]]) == [faults[0]])
    #expect(try log.record([faults[1], faults[0]]) == [faults[1]])
    #expect(try log.record([faults[1]]).isEmpty)
    let error = thrown(InputError.self) { try log.record([faults[2]]) }
    #expect(error?.exitCode == .badData && error?.description.contains("image 2") == true)
    #expect(error?.description.contains("max_faults allows 2") == true)
    // More than half of a small data set, however many faults are bearable.
    var small = FaultLog(maximum: 100, imageCount: 5)
    try small.record(Array(faults[..<2]) + [DataFault(kind: .zeroSizeBox, cause: "a box")])
    let half = thrown(InputError.self) { try small.record([faults[2]]) }
    #expect(half?.exitCode == .badData)
    #expect(half?.description.contains("3 of its 5 images are unreadable, which is more than half") == true)
  }
}
