// Note [Who is believed]
// A datagram can end the job, so only those of the job's ranks count. Each is sealed with the job's secret (`JobSecret`),
// which is checked before anything is decoded; comes from an address that the sender's card names; is for this rank; and
// has a number that its sender never used before, so that one that was recorded and sent again is dropped. Answers and
// verdicts are the keepers' alone. What is not believed changes nothing; it is not even counted, since anybody can send it.

/// What a rank has to know to believe a datagram; see Note [Who is believed].
struct WatchInbox {
  private let rank: Int
  private let secret: JobSecret
  private let keepers: [Int]
  private let sources: [Set<WatchSocket.Address>]
  private var lastNumbers: [UInt64]
  /// Where datagrams of this job came from that are none of the sender's addresses, by sender: networks that translate
  /// addresses do that.
  private(set) var unexpectedSources: [Int: WatchSocket.Address] = [:]

  /// The inbox of a rank among those of these cards.
  init(rank: Int, secret: JobSecret, cards: [WatchCard], keepers: [Int]) {
    (self.rank, self.secret, self.keepers) = (rank, secret, keepers)
    sources = cards.map { Set($0.targets(from: cards[rank].host)) }
    lastNumbers = cards.map { _ in 0 }
  }

  /// The message of a datagram; nil for one that is not believed.
  mutating func take(_ bytes: [UInt8], from source: WatchSocket.Address) -> WatchMessage? {
    guard let message = WatchMessage.read(bytes, secret), sources.indices.contains(message.sender),
      message.sender != rank, message.receiver == rank, isAllowed(message)
    else { return nil }
    guard sources[message.sender].contains(source) else {
      unexpectedSources[message.sender] = source
      return nil
    }
    if message.number <= lastNumbers[message.sender] { return nil }
    lastNumbers[message.sender] = message.number
    return message
  }

  /// Whether the sender may say that.
  private func isAllowed(_ message: WatchMessage) -> Bool {
    switch message.content {
    case .state(let state): state.rank == message.sender
    case .answer, .verdict: keepers.contains(message.sender)
    case .goodbye: true
    }
  }
}
