/// What one rank knows of all ranks, and its judgement whether the job still moves.
///
/// Times are seconds of this rank's own clock; only durations travel between ranks.
struct WatchTable {
  /// Who stopped the job, and how every rank stood.
  struct Verdict: Equatable, Sendable {
    /// One line: the first culprit and what is known of it.
    var headline: String
    /// A line for every rank, culprits first.
    var lines: [String]
  }

  private struct Entry {
    var state: RankState
    var heardAt: Double
  }

  private let hosts: [String]
  private let deadlineSeconds: Double
  private var entries: [Entry?]
  private var left: Set<Int> = []

  /// A table of ranks on these hosts, of which nothing was heard yet.
  init(hosts: [String], deadlineSeconds: Double) {
    (self.hosts, self.deadlineSeconds) = (hosts, deadlineSeconds)
    entries = hosts.map { _ in nil }
  }

  /// Takes what a rank says of itself.
  mutating func hear(_ state: RankState, now: Double) {
    if entries.indices.contains(state.rank) { entries[state.rank] = Entry(state: state, heardAt: now) }
  }

  /// Takes it that a rank has finished in order.
  mutating func leave(_ rank: Int) { left.insert(rank) }

  /// Counts silence from now on, after this process itself was stopped for a while.
  mutating func forgive(now: Double) {
    for rank in entries.indices { entries[rank]?.heardAt = now }
  }

  /// The ranks that never said a word.
  var unheard: [Int] { entries.indices.filter { entries[$0] == nil && !left.contains($0) } }

  /// Whether some rank works while others wait for it.
  func someoneWorks(now: Double) -> Bool {
    entries.indices.contains { rank in
      guard let entry = entries[rank], !left.contains(rank) else { return false }
      return !entry.state.isWaiting && now - entry.heardAt < 3 && entry.state.idleSeconds <= deadlineSeconds
    }
  }

  /// Who stops the job; nil while it moves, and where too little is known to say.
  func verdict(now: Double) -> Verdict? {
    let ranks = entries.indices.filter { !left.contains($0) && entries[$0] != nil }
    func silence(_ rank: Int) -> Double { entries[rank].map { now - $0.heardAt } ?? 0 }
    let silent = ranks.filter { silence($0) > deadlineSeconds }.sorted { silence($0) > silence($1) }
    if let first = silent.first {
      return verdict("\(name(first)): not heard for \(rounded(silence(first))) s", silent, now)
    }
    let stuck = ranks.filter { rank in
      guard let state = entries[rank]?.state else { return false }
      return !state.isWaiting && state.idleSeconds > deadlineSeconds
    }.sorted { (entries[$0]?.state.idleSeconds ?? 0) > (entries[$1]?.state.idleSeconds ?? 0) }
    if let first = stuck.first, let state = entries[first]?.state {
      return verdict(
        "\(name(first)): in \(state.place), for \(rounded(state.idleSeconds)) s without progress", stuck, now)
    }
    return standstill(ranks, now)
  }

  /// The verdict when every rank waits for the others: those at another place than most are told first.
  private func standstill(_ ranks: [Int], _ now: Double) -> Verdict? {
    let states = ranks.compactMap { entries[$0]?.state }
    guard unheard.isEmpty, !states.isEmpty,
      states.allSatisfy({ $0.isWaiting && $0.idleSeconds > deadlineSeconds })
    else { return nil }
    let counts = Dictionary(states.map { ($0.work, 1) }, uniquingKeysWith: +)
    let most = counts.values.max() ?? 0
    let odd = ranks.filter { counts[entries[$0]?.state.work ?? ""] ?? 0 < most }
    let shortest = states.map(\.idleSeconds).min() ?? 0
    let reason = "every rank has waited for the others for \(rounded(shortest)) s or more"
    guard let first = odd.first, let state = entries[first]?.state else {
      return verdict("\(reason), all in the same place: the network between them", [], now)
    }
    return verdict("\(name(first)): in \(state.place), unlike most; \(reason)", odd, now)
  }

  private func verdict(_ reason: String, _ culprits: [Int], _ now: Double) -> Verdict {
    let others = entries.indices.filter { !culprits.contains($0) }
    return Verdict(
      headline: "\(reason) (deadline \(rounded(deadlineSeconds)) s)",
      lines: culprits.map { "at fault: \(line($0, now))" } + others.map { line($0, now) })
  }

  private func line(_ rank: Int, _ now: Double) -> String {
    if left.contains(rank) { return "\(name(rank)): has finished" }
    guard let entry = entries[rank] else { return "\(name(rank)): never heard of" }
    let (state, silence) = (entry.state, now - entry.heardAt)
    let place = "\(state.place), for \(rounded(state.seconds)) s"
    return silence > min(3, deadlineSeconds)
      ? "\(name(rank)): not heard for \(rounded(silence)) s; last in \(place)" : "\(name(rank)): in \(place)"
  }

  private func name(_ rank: Int) -> String { "rank \(rank) on \(hosts[rank])" }
}

/// A duration to a tenth of a second, also when it is not finite.
func rounded(_ seconds: Double) -> Double { (seconds * 10).rounded() / 10 }
