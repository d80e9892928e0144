import FoundationEssentials
import Glibc
import Synchronization
import Tensors

// Note [Watching each other]
// MPI tells nobody that a rank, a host or a link is gone: calls just never return. So each rank has a thread that sends a
// datagram a second, by UDP and never by MPI, with what the rank does, to two keepers: rank 0, and a deputy for the case
// that it is rank 0 who is gone (the first rank of another host, else rank 1). The keepers hold a table of all ranks and
// answer. When the table says that the job stands still (Note [What counts as progress]), the first keeper prints it,
// culprits first, and tells all ranks; the deputy does so only when rank 0 does not. Every rank then leaves with code 74:
// from the main thread where that waits inside MPI, else from here. A rank that was heard once and then hears nothing of
// rank 0 leaves by itself, so that nothing survives on a host that was cut off. Where no datagram ever arrives, each rank
// still has the deadline of its own waits. Whoever tells a verdict prints it and leaves first; those who were told wait
// for that, and print it themselves if they are still there then: no rank ends the job without a word. The datagrams of
// others count for nothing, see Note [Who is believed].

/// The thread of a rank that tells the others what the rank does, and ends the rank when the job stands still.
public final class RankWatch: Sendable {
  /// What the training thread has to know.
  private struct Shared {
    var verdict: String?
    var report: String?
    var holdsUntil = -Double.infinity
    var forgivenAt = -Double.infinity
    var isConnected = false
    var isLeaving = false
    var stops = false
  }

  private let rank: Int
  private let host: String
  private let deadlineSeconds: Double
  private let activity: Activity
  private let socket: WatchSocket
  private let secret: JobSecret
  private let cards: [WatchCard]
  /// Rank 0 and the deputy.
  private let keepers: [Int]
  private let shared = Mutex(Shared())
  private let hasVerdict = Atomic<Bool>(false)
  private let thread = Mutex<pthread_t?>(nil)

  /// Starts the thread; all ranks call it.
  ///
  /// Nil with one rank, and, after a warning of rank 0, where some rank can open no socket.
  static func start(_ communicator: Communicator) throws(RankError) -> RankWatch? {
    if communicator.size == 1 { return nil }
    let own = WatchHost(name: communicator.host, addresses: WatchSocket.ownAddresses())
    let hosts = try communicator.allgather(value: own)
    let keepers = WatchHost.keepers(of: hosts)
    let rank = communicator.rank
    // Keepers exchange datagrams with all, the others with the keepers.
    let peers = hosts.indices.filter { $0 != rank && (keepers.contains(rank) || keepers.contains($0)) }
    let socket = WatchSocket(on: own.addressesInUse(towards: peers.map { hosts[$0] }))
    let cards = try communicator.allgather(value: WatchCard(host: own.name, addresses: socket?.addresses ?? []))
    let secret = JobSecret(bytes: try communicator.broadcast(JobSecret.randomBytes()))
    if let without = cards.firstIndex(where: \.addresses.isEmpty) {
      if rank == 0 {
        printError(
          "warning: rank \(without) on \(cards[without].host) has no IPv4 address that leads to the other ranks: should the "
            + "job stall, each rank will say only where it waits itself")
      }
      return nil
    }
    guard let socket, let secret else { return nil }
    let watch = RankWatch(communicator, socket: socket, secret: secret, cards: cards, keepers: keepers)
    watch.run()
    return watch
  }

  private init(
    _ communicator: Communicator, socket: WatchSocket, secret: JobSecret, cards: [WatchCard], keepers: [Int]
  ) {
    (rank, host, activity) = (communicator.rank, communicator.host, communicator.activity)
    deadlineSeconds = communicator.deadlineSeconds
    (self.socket, self.secret, self.cards, self.keepers) = (socket, secret, cards, keepers)
  }

  // MARK: For the training thread

  /// Whether a wait that began at `start` may last on.
  func mayWait(since start: Double, now: Double) -> Bool {
    let (allowed, connected) = shared.withLock { (max($0.holdsUntil, $0.forgivenAt), $0.isConnected) }
    // The keepers judge at the deadline; those who know nothing of them judge alone.
    return now - max(start, allowed) <= deadlineSeconds + (connected ? Self.judgementSeconds : 0)
  }

  /// Why the job is given up, once it is.
  var verdict: String? {
    hasVerdict.load(ordering: .acquiring) ? shared.withLock { $0.verdict } : nil
  }

  /// Everything that was printed about it on this rank, with a line for each rank.
  public var report: String? { shared.withLock { $0.report } }

  /// Says that the training thread ends the process now; how long it should give the others first, in seconds.
  func beginLeaving() -> Double {
    shared.withLock { shared in
      shared.isLeaving = true
      return shared.report == nil ? Self.toldGraceSeconds : 0.5
    }
  }

  /// Says goodbye to the other ranks and ends the thread.
  func stop() {
    shared.withLock { $0.stops = true }
    // Wakes the thread where it can; it looks four times an interval anyway.
    socket.send([], to: socket.addresses[0])
    if let thread = thread.withLock({ $0 }) { pthread_join(thread, nil) }
  }

  // MARK: The thread

  /// How long the keepers may take to judge, in seconds.
  private static let judgementSeconds = 5.0
  /// How long a rank that was told a verdict lets the one who told it leave first, in seconds.
  private static let toldGraceSeconds = 8.0
  /// Datagrams that are read before the thread does anything else, however many come.
  private static let datagramsAtOnce = 10_000
  /// Seconds between datagrams.
  private var interval: Double { min(1, max(0.1, deadlineSeconds / 8)) }

  private func run() {
    // Signals are for the threads that have always had them.
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    var started = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    let code = pthread_create(
      &started, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<RankWatch>.fromOpaque(context).takeRetainedValue().watch()
        return nil
      }, context)
    pthread_sigmask(SIG_SETMASK, &before, nil)
    if code == 0 { thread.withLock { $0 = started } }
  }

  /// What the thread keeps between its rounds.
  private struct Round {
    var table: WatchTable
    var inbox: WatchInbox
    var progress: OwnProgress
    var now: Double
    let start: Double
    var nextState = 0.0
    /// The number of the last datagram.
    var lastNumber: UInt64 = 0
    /// When each keeper last answered.
    var answeredAt: [Int: Double] = [:]
    var left: Set<Int> = []
    var saysWhoIsUnheard = true
    /// When this rank first found the job standing still, and when it gave it up.
    var suspectedAt: Double?
    var gaveUpAt: Double?
  }

  private func watch() {
    let start = monotonicSeconds()
    var round = Round(
      table: WatchTable(hosts: cards.map(\.host), deadlineSeconds: deadlineSeconds),
      inbox: WatchInbox(rank: rank, secret: secret, cards: cards, keepers: keepers), progress: OwnProgress(now: start),
      now: start, start: start)
    while !shared.withLock({ $0.stops }) {
      socket.waitForDatagram(seconds: interval / 4)
      let now = monotonicSeconds()
      // This process itself stood still, perhaps the whole job: nobody is to blame for that time.
      if now - round.now > 5 { forgive(&round, now) }
      round.now = now
      for _ in 0..<Self.datagramsAtOnce {
        guard let (bytes, source) = socket.receive() else { break }
        if let message = round.inbox.take(bytes, from: source) { take(message, from: source, &round) }
      }
      if now >= round.nextState { tellState(&round) }
      judge(&round)
      leaveIfGivenUp(round)
      warnOfUnheard(&round)
    }
    for other in cards.indices where other != rank && (keepers.contains(rank) || keepers.contains(other)) {
      send(.goodbye, to: other, &round)
    }
  }

  private func forgive(_ round: inout Round, _ now: Double) {
    round.table.forgive(now: now)
    for keeper in round.answeredAt.keys { round.answeredAt[keeper] = now }
    round.suspectedAt = nil
    shared.withLock { $0.forgivenAt = now }
  }

  private func take(_ message: WatchMessage, from source: WatchSocket.Address, _ round: inout Round) {
    switch message.content {
    case .state(let state):
      round.table.hear(state, now: round.now)
      let answer = WatchMessage.Content.answer(someoneWorks: round.table.someoneWorks(now: round.now))
      socket.send(bytes(answer, to: message.sender, &round), to: source)
    case .answer(let someoneWorks):
      round.answeredAt[message.sender] = round.now
      shared.withLock { shared in
        shared.isConnected = true
        if someoneWorks { shared.holdsUntil = round.now + 2 * interval + 1 }
      }
    case .verdict(let reason): giveUp("\(reason); told by rank \(message.sender)", report: nil, &round)
    case .goodbye:
      round.table.leave(message.sender)
      round.left.insert(message.sender)
    }
  }

  private func tellState(_ round: inout Round) {
    round.nextState = round.now + interval
    let state = ownState(&round)
    for keeper in keepers {
      if keeper == rank {
        round.table.hear(state, now: round.now)
        if round.table.someoneWorks(now: round.now) {
          shared.withLock { $0.holdsUntil = round.now + 2 * interval + 1 }
        }
      } else {
        send(.state(state), to: keeper, &round)
      }
    }
  }

  private func ownState(_ round: inout Round) -> RankState {
    round.progress.look(now: round.now)
    var moment = activity.moment
    moment.since = max(moment.since, shared.withLock { $0.forgivenAt })
    return RankState(moment, rank: rank, host: host, now: round.now, movedAt: round.progress.movedAt)
  }

  /// Gives the job up where it stands still.
  private func judge(_ round: inout Round) {
    if round.gaveUpAt != nil { return }
    if keepers.contains(rank) {
      judgeTable(&round)
    } else if let answered = round.answeredAt[0], !round.left.contains(0),
      round.now - answered > deadlineSeconds + Self.judgementSeconds
    {
      let silence = rounded(round.now - answered)
      tell(
        "rank 0 on \(cards[0].host): not heard for \(silence) s (deadline \(rounded(deadlineSeconds)) s)", [], &round)
    }
    // A rank that hangs outside of MPI, and nobody who says so.
    let state = ownState(&round)
    let patience = shared.withLock { $0.isConnected } ? Self.judgementSeconds : 0
    if round.gaveUpAt == nil, !state.isWaiting, state.idleSeconds > deadlineSeconds + patience {
      tell(
        "rank \(rank) on \(host): in \(state.place), for \(rounded(state.idleSeconds)) s without progress (deadline "
          + "\(rounded(deadlineSeconds)) s)", [], &round)
    }
  }

  private func judgeTable(_ round: inout Round) {
    guard let verdict = round.table.verdict(now: round.now) else { return round.suspectedAt = nil }
    let suspected = round.suspectedAt ?? round.now
    round.suspectedAt = suspected
    // The deputy leaves it to rank 0, unless nothing comes.
    if rank != 0, round.now - suspected < 2 { return }
    tell(verdict.headline, verdict.lines, &round)
    // Said three times: any datagram may be lost.
    for _ in 0..<3 {
      for other in cards.indices where other != rank { send(.verdict(verdict.headline), to: other, &round) }
    }
  }

  /// Prints why this rank gives the job up.
  private func tell(_ headline: String, _ lines: [String], _ round: inout Round) {
    let report = (["stalled: \(headline)"] + lines.map { "  \($0)" }).joined(separator: "\n")
    printError(report)
    giveUp(headline, report: report, &round)
  }

  private func giveUp(_ reason: String, report: String?, _ round: inout Round) {
    if round.gaveUpAt != nil { return }
    round.gaveUpAt = round.now
    shared.withLock { ($0.verdict, $0.report) = (reason, report) }
    hasVerdict.store(true, ordering: .releasing)
  }

  /// Ends the process where the training thread does not.
  private func leaveIfGivenUp(_ round: Round) {
    guard let gaveUpAt = round.gaveUpAt else { return }
    let (isLeaving, isTold, reason) = shared.withLock { ($0.isLeaving, $0.report == nil, $0.verdict) }
    if round.now - gaveUpAt < (isLeaving ? Self.toldGraceSeconds + 4 : isTold ? Self.toldGraceSeconds : 2) { return }
    if !isLeaving, let reason { printError("error: \(reason)") }
    _exit(ExitCode.rankFailed.rawValue)
  }

  /// Says once that datagrams do not get through, and what that means.
  private func warnOfUnheard(_ round: inout Round) {
    if rank != 0 || !round.saysWhoIsUnheard || round.now - round.start < 15 { return }
    round.saysWhoIsUnheard = false
    if round.table.unheard.isEmpty { return }
    let names = round.table.unheard.prefix(4).map { "rank \($0) on \(cards[$0].host)" }.joined(separator: ", ")
    let more = round.table.unheard.count > 4 ? " and \(round.table.unheard.count - 4) more" : ""
    let own = socket.addresses.map(\.description).joined(separator: ", ")
    let odd = round.inbox.unexpectedSources.min { $0.key < $1.key }.map {
      " (those of rank \($0.key) come from \($0.value), which is none of its host's addresses)"
    }
    printError(
      "warning: no datagram (UDP to \(own) of \(host)) has come from \(names)\(more)\(odd ?? ""): should the job stall, "
        + "each rank will say only where it waits itself; let UDP through between the hosts")
  }

  private func send(_ content: WatchMessage.Content, to other: Int, _ round: inout Round) {
    let message = bytes(content, to: other, &round)
    for target in cards[other].targets(from: host) { socket.send(message, to: target) }
  }

  private func bytes(_ content: WatchMessage.Content, to receiver: Int, _ round: inout Round) -> [UInt8] {
    round.lastNumber += 1
    return WatchMessage(sender: rank, receiver: receiver, number: round.lastNumber, content: content).bytes(secret)
  }
}
