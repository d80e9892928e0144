import Distributed
import Testing

@testable import Training

/// Oracle: closed forms of the alpha-beta model, and a step simulated by hand.
@Suite struct StepSimulationTests {
  /// A million bytes a second, ten milliseconds.
  private static let network = NetworkSpecification(bytesPerSecond: 1e6, latencySeconds: 0.01)

  private func simulate(
    _ measured: CommunicationReport, nodes: Int, ranksPerNode: Int = 1, _ network: NetworkSpecification = network,
    passes: Int = 1, agreements: Int = 0
  ) -> StepSimulation {
    var simulation = StepSimulation(measured, ClusterShape(nodes: nodes, ranksPerNode: ranksPerNode), network)
    simulation.run(passes: passes, agreementsPerPass: agreements)
    return simulation
  }

  private func expect(_ value: Double, _ expected: Double, _ sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(
      abs(value - expected) < 1e-9 * max(1, expected), "\(value), expected \(expected)", sourceLocation: sourceLocation)
  }

  @Test(
    "one node with one rank takes its computation", arguments: [GradientSummation.ring, .fixedTree, .halfPrecision])
  func alone(summation: GradientSummation) {
    let measured = measuredSample(
      passSeconds: 2, polls: [1.5, 2], buckets: [(1000, 1.5, 0.25), (5_000_000, 2, 0.5)], sums: [(0.5, 64)],
      tcp: 1, sum: 1, copy: 1, summation: summation)
    let step = simulate(measured, nodes: 1, agreements: 2)
    expect(step.now, 2.75)
    #expect(step.nodeBytes == 0)
  }

  @Test("a bucket of short messages behind the pass: 2 (p - 1) (alpha + n / (p beta))", arguments: [2, 3, 4, 16, 64])
  func shortMessages(nodes: Int) {
    let bytes = nodes * 4000
    let measured = measuredSample(passSeconds: 1, buckets: [(bytes, 1, 0.125)])
    let step = simulate(measured, nodes: nodes)
    expect(step.now, 1.125 + 2 * Double(nodes - 1) * (0.01 + 4000 / 1e6))
    #expect(step.nodeBytes == 2 * (nodes - 1) * 4000)
  }

  @Test("latency-bound: a float takes 2 (p - 1) alpha, however fast the link", arguments: [2, 5, 32])
  func latencyBound(nodes: Int) {
    let network = NetworkSpecification(bytesPerSecond: 1e15, latencySeconds: 0.5)
    let step = simulate(measuredSample(passSeconds: 1, buckets: [(4, 1, 0)]), nodes: nodes, network)
    expect(step.now, 1 + Double(nodes - 1))
  }

  @Test("long messages are announced and answered: 2 (p - 1) (3 alpha + n / (p beta))", arguments: [3, 4, 8])
  func longMessages(nodes: Int) {
    let bytes = nodes * 1_000_000
    let step = simulate(measuredSample(passSeconds: 1, buckets: [(bytes, 1, 0)]), nodes: nodes)
    expect(step.now, 1 + 2 * Double(nodes - 1) * (3 * 0.01 + 1))
  }

  @Test("the time until a rank takes up a message comes on top of the latency")
  func takenUp() {
    let step = simulate(measuredSample(passSeconds: 1, buckets: [(4, 1, 0)], message: 0.25), nodes: 3)
    #expect(abs(step.now - (1 + 4 * 0.26)) < 1e-5)
  }

  @Test("bandwidth-bound: buckets that travel together keep the link busy until 2 (p - 1) / p n bytes are through")
  func bandwidthBound() {
    let network = NetworkSpecification(bytesPerSecond: 1e6, latencySeconds: 0)
    let measured = measuredSample(passSeconds: 1, buckets: [(4_000_000, 1, 0), (400_000, 1, 0), (40_000, 1, 0)])
    expect(simulate(measured, nodes: 4, network).now, 1 + 1.5 * 4.44)
  }

  @Test("a link that ranks of a node share: the ring crosses it once, tree and shares once a rank")
  func sharedLink() {
    let network = NetworkSpecification(bytesPerSecond: 1e6, latencySeconds: 0)
    func seconds(_ summation: GradientSummation) -> Double {
      let measured = measuredSample(
        passSeconds: 1, buckets: [(400_000, 1, 0)], ranksPerNode: 2, summation: summation)
      return simulate(measured, nodes: 2, ranksPerNode: 2, network).now - 1
    }
    expect(seconds(.ring), 1.5 * 0.4)
    // One of two rounds leaves the node, with the whole bucket of both ranks, and an answer of 128 bytes of each.
    expect(seconds(.fixedTree), 2 * (400_000 + 128) / 1e6)
    // Twice, to each of two ranks of the other node, a quarter of the bucket in half the bytes.
    expect(seconds(.halfPrecision), 2 * 2 * 2 * 50_000 / 1e6)
  }

  @Test("fully hidden: what arrives in time costs nothing where the processor does nothing for it")
  func hidden() {
    let polls = (1...1000).map { Double($0) / 100 }
    let measured = measuredSample(passSeconds: 10, polls: polls, buckets: [(1_000_000, 1, 0.5), (400, 5, 0.25)])
    expect(simulate(measured, nodes: 4).now, 10.75)
  }

  @Test("the processor's part is not hidden: TCP for what is sent and received, sums for what is reduced")
  func processor() {
    let polls = (1...1000).map { Double($0) / 100 }
    let measured = measuredSample(
      passSeconds: 10, polls: polls, buckets: [(400_000, 1, 0)], tcp: 1e-7, sum: 2e-7)
    // Six rounds of 100,000 bytes; three of them are added. An answer of 128 bytes costs its receiver half of TCP.
    let expected = 10 + 6 * (0.01 + 128 * 0.5e-7) + 3 * 0.02
    expect(simulate(measured, nodes: 4).now, expected)
  }

  @Test("without a call of MPI nothing moves but the first message of the first round")
  func withoutProgress() {
    let measured = measuredSample(passSeconds: 5, buckets: [(4000, 0, 0)])
    // The other five rounds begin when the pass is over.
    expect(simulate(measured, nodes: 4).now, 5 + 5 * (0.01 + 0.001))
  }

  @Test("the kernel takes no more than its buffer between two calls, and none comes free before it is acknowledged")
  func socketBuffer() {
    let network = NetworkSpecification(bytesPerSecond: 1e9, latencySeconds: 0.125)
    // 64 KiB announce; then nine pieces of 128 KiB and one of 64 KiB, one at a time: a piece and its answer take 2 alpha.
    let bytes = 2 * (64 << 10 + (9 * 128 + 64) << 10)
    let measured = measuredSample(passSeconds: 1, buckets: [(bytes, 1, 0)], socketBufferBytes: 128 << 10 + 128)
    let seconds = simulate(measured, nodes: 2, network).now - 1
    // A round: announcement, its answer, ten pieces of which each waits for the one before; the line itself takes 1.3 ms.
    #expect(abs(seconds - 2 * (0.25 + 9 * 0.25 + 0.125)) < 0.01, "\(seconds)")
  }

  @Test("sums and agreements stop the step for 2 (p - 1) alpha each, in every pass")
  func blockingSums() {
    let network = NetworkSpecification(bytesPerSecond: 1e15, latencySeconds: 0.25)
    let measured = measuredSample(
      passSeconds: 2, buckets: [(4, 2, 0)], sums: [(0.5, 8), (1.5, 8)], passes: 3, computeSeconds: 7)
    // 7 s of computation; 3 x (2 sums + 1 agreement) and the bucket, over 3 ranks.
    expect(simulate(measured, nodes: 3, network, passes: 3, agreements: 1).now, 7 + 10 * 4 * 0.25)
  }

  @Test("two buckets by hand: first come, first served on the line, parameters moved in their order")
  func byHand() {
    let network = NetworkSpecification(bytesPerSecond: 1000, latencySeconds: 0.125)
    let measured = measuredSample(
      passSeconds: 2.25, polls: [1, 1.25, 2], buckets: [(2000, 0, 0.25), (1000, 0.5, 0.5)])
    // A's first half is on the line from 0 to 1, there at 1.125; B's from 1 to 1.5, there at 1.625.
    // 1.25: A's second half follows B's first, from 1.5 to 2.5, there at 2.625.
    // 2:    B's second half follows, from 2.5 to 3, there at 3.125.
    // 2.25: the pass is over; A is waited for, and moves from 2.625 to 2.875; B from 3.125 to 3.625.
    let step = simulate(measured, nodes: 2, network)
    expect(step.now, 3.625)
    #expect(step.nodeBytes == 3000)
  }
}
