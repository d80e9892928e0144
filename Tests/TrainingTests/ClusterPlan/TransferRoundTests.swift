import Distributed
import Testing

/// Oracle: the numbers of rounds and bytes in the papers that `GradientSummation.rounds` names.
@Suite struct TransferRoundTests {
  private static let costs = TransferCosts(
    messageSeconds: 0, tcpSecondsPerByte: 0, copySecondsPerByte: 3, sumSecondsPerByte: 2, halfSecondsPerFloat: 8,
    socketBufferBytes: 1)

  private func rounds(
    _ summation: GradientSummation, bytes: Int = 4800, isExact: Bool = false, nodes: Int, ranksPerNode: Int = 1
  ) -> [TransferRound] {
    summation.rounds(bytes: bytes, isExact: isExact, nodes: nodes, ranksPerNode: ranksPerNode, costs: Self.costs)
  }

  @Test("a ring of p ranks has 2 (p - 1) rounds of n / p bytes, of which p - 1 add", arguments: [2, 3, 4, 12])
  func ring(nodes: Int) {
    let found = rounds(.ring, nodes: nodes)
    let share = 4800 / nodes
    #expect(found.count == 2 * (nodes - 1))
    #expect(found.allSatisfy { $0.messages == 1 && $0.messageBytes == share && $0.isMutual == (nodes == 2) })
    #expect(found.map(\.workSeconds).reduce(0, +) == Double(2 * (nodes - 1) * share))
  }

  @Test("a tree of p ranks has log2 p rounds of n bytes; those between ranks of a node stay there")
  func tree() {
    let found = rounds(.fixedTree, nodes: 4, ranksPerNode: 2)
    #expect(found.map(\.messages) == [0, 1, 1])
    #expect(found.allSatisfy { $0.messageBytes == 4800 })
    #expect(found.map(\.nodeBytes) == [0, 9600, 9600])
    #expect(found.map(\.workSeconds) == [24000.0, 9600, 9600])
  }

  @Test(
    "in half precision each rank sends a share of half the bytes to every other, twice; exact buckets take the ring")
  func half() {
    let found = rounds(.halfPrecision, nodes: 2, ranksPerNode: 2)
    // A copy of 600 bytes at 3, and half of 8 for each of 1200 floats.
    // 1200 floats in four shares of 600 bytes; two ranks send to two on the other node, and copy one share of their own.
    #expect(found.count == 2 && found.allSatisfy { $0.messages == 2 && $0.messageBytes == 600 && $0.nodeBytes == 2400 })
    #expect(found.allSatisfy { $0.workSeconds == 6600 })
    #expect(rounds(.halfPrecision, isExact: true, nodes: 3) == rounds(.ring, nodes: 3))
  }

  @Test("ranks of one node send nothing over a link, and one rank does nothing")
  func oneNode() {
    for summation in [GradientSummation.ring, .fixedTree, .halfPrecision] {
      #expect(rounds(summation, nodes: 1, ranksPerNode: 4).allSatisfy { $0.nodeBytes == 0 && $0.workSeconds > 0 })
      #expect(rounds(summation, nodes: 1).isEmpty && rounds(summation, bytes: 0, nodes: 4).isEmpty)
    }
  }

  @Test("bytes that do not divide evenly are rounded up")
  func uneven() {
    #expect(rounds(.ring, bytes: 8, nodes: 3).allSatisfy { $0.messageBytes == 3 })
  }
}
