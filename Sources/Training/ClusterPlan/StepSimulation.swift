import Distributed
import Tensors

// Note [A step, simulated]
// The thread of a rank computes, and calls MPI at certain moments: after each backward operation, when a bucket is posted,
// and in the waits behind the last one. Only there does anything of a transfer happen (Open MPI has no progress thread
// here), apart from what the kernel has in its buffers, which travels while the thread computes. In a call the thread
// reads what has arrived, adds, and hands the kernel what comes next; that costs processor time at the measured rates, and
// the step waits for it. Buckets are posted in their order, travel at the same time, and share the line first come, first
// served. A bucket that has arrived moves its parameters in the next call; those that have not arrived when the pass ends
// are waited for in their order. This is what `GradientReducer` and `Replica` do.
//
// Ranks are taken to be equally fast and in step: what differs between them is in `compute_seconds`, the slowest rank's.

/// A training step of one rank among many that do the same, over a network; see Note [A step, simulated].
struct StepSimulation {
  /// A bucket or a sum over ranks on its way.
  private struct Transfer {
    /// What is left, the leg under way first.
    var legs: ArraySlice<MessageLeg>
    /// Bytes of the leg under way that have not arrived.
    var missingBytes: Int
    var isComplete: Bool { legs.isEmpty }
  }

  private let costs: TransferCosts
  private var link: NodeLink
  private var transfers: [Transfer] = []
  /// Seconds since the step began.
  private(set) var now = 0.0
  /// Bytes that the node sends over its link.
  private(set) var nodeBytes = 0

  private let measured: CommunicationReport
  private let cluster: ClusterShape
  /// The transfers of the buckets that were posted.
  private var posted: [Int] = []
  /// Buckets below it have arrived, and their parameters have moved.
  private var moved = 0

  /// A step that has not begun.
  init(_ measured: CommunicationReport, _ cluster: ClusterShape, _ network: NetworkSpecification) {
    (self.measured, self.cluster) = (measured, cluster)
    costs = measured.costs
    link = NodeLink(
      bytesPerSecond: network.bytesPerSecond, latencySeconds: network.latencySeconds + costs.messageSeconds,
      bufferBytes: costs.socketBufferBytes)
  }

  /// Runs the step to its end: `passes` passes, each with so many sums of a number over ranks in front of its operations.
  mutating func run(passes: Int, agreementsPerPass: Int) {
    for pass in 0..<passes {
      let isLast = pass == passes - 1
      for _ in 0..<agreementsPerPass { sumOverRanks(bytes: MemoryLayout<Double>.stride) }
      runPass(isLast: isLast)
      if !isLast { now += measured.earlierPassSeconds - measured.pass_seconds }
    }
    finish()
  }

  /// A moment of a pass at which the thread calls MPI.
  private enum Call {
    case sum(bytes: Int)
    case post(Int)
    case poll

    /// What comes first of calls at the same time: a bucket is posted, then polled.
    var order: Int {
      switch self {
      case .sum: 0
      case .post(let bucket): 1 + bucket
      case .poll: Int.max
      }
    }
  }

  private mutating func runPass(isLast: Bool) {
    var calls = measured.rank_sums.map { (seconds: $0.at_seconds, call: Call.sum(bytes: $0.bytes)) }
    if isLast {
      calls += measured.poll_seconds.map { ($0, .poll) }
      calls += measured.buckets.enumerated().map { ($1.ready_seconds, .post($0)) }
    }
    calls.sort { ($0.seconds, $0.call.order) < ($1.seconds, $1.call.order) }
    var computed = 0.0
    for (seconds, call) in calls {
      now += seconds - computed
      computed = seconds
      switch call {
      case .sum(let bytes): sumOverRanks(bytes: bytes)
      case .post(let bucket): post(bucket)
      case .poll: poll()
      }
      if isLast { moveArrived() }
    }
    now += measured.pass_seconds - computed
  }

  private mutating func post(_ bucket: Int) {
    let (bytes, isExact) = (measured.buckets[bucket].bytes, measured.buckets[bucket].is_exact)
    posted.append(begin(cluster.rounds(measured.summation, bytes: bytes, isExact: isExact, costs)))
    poll()
  }

  private mutating func sumOverRanks(bytes: Int) {
    let transfer = begin(cluster.rounds(.ring, bytes: bytes, isExact: true, costs))
    wait(for: transfer)
  }

  private mutating func moveArrived() {
    while moved < posted.count, transfers[posted[moved]].isComplete { move() }
  }

  private mutating func move() {
    now += measured.buckets[moved].update_seconds
    moved += 1
  }

  private mutating func finish() {
    while moved < posted.count {
      wait(for: posted[moved])
      move()
      poll()
    }
  }

  /// Starts a transfer and returns its number.
  private mutating func begin(_ rounds: [TransferRound]) -> Int {
    nodeBytes += rounds.reduce(0) { $0 + $1.nodeBytes }
    transfers.append(Transfer(legs: rounds.flatMap(\.legs)[...], missingBytes: 0))
    beginLeg(of: transfers.count - 1)
    return transfers.count - 1
  }

  private mutating func beginLeg(of transfer: Int) {
    guard let leg = transfers[transfer].legs.first else { return }
    transfers[transfer].missingBytes = leg.bytes
    link.enqueue(leg, of: transfer, now: now)
  }

  /// An MPI call: everything that can be done at once.
  private mutating func poll() {
    var isIdle = false
    while !isIdle {
      isIdle = true
      if let piece = link.receive(now: now) {
        take(piece)
        isIdle = false
      }
      if let piece = link.send(now: now) {
        now += costs.tcpSecondsPerByte * Double(piece.bytes) / 2
        isIdle = false
      }
    }
  }

  private mutating func take(_ piece: NodeLink.Piece) {
    now += costs.tcpSecondsPerByte * Double(piece.bytes) / 2
    transfers[piece.transfer].missingBytes -= piece.bytes
    if transfers[piece.transfer].missingBytes > 0 { return }
    now += transfers[piece.transfer].legs.removeFirst().workSeconds
    beginLeg(of: piece.transfer)
  }

  /// Calls MPI without a pause until a transfer is complete.
  private mutating func wait(for transfer: Int) {
    poll()
    while !transfers[transfer].isComplete {
      guard let next = link.nextChange else { fatalError("transfer \(transfer) is not complete, and nothing travels") }
      now = max(now, next)
      poll()
    }
  }
}
