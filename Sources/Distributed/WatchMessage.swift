import FoundationEssentials

/// A datagram between the watch threads of a job.
struct WatchMessage: Codable, Equatable, Sendable {
  /// What it says.
  enum Content: Codable, Equatable, Sendable {
    /// What the sender does; to the keepers of the table.
    case state(RankState)
    /// A keeper has heard the state; whether some rank works, so that those who wait may wait on.
    case answer(someoneWorks: Bool)
    /// A keeper has told everybody why all leave.
    case verdict(String)
    /// The sender has finished in order.
    case goodbye
  }

  /// The job's secret: datagrams without it are none of ours.
  var token: String
  /// The rank that sends.
  var sender: Int
  /// What it says.
  var content: Content

  /// The datagram.
  var bytes: [UInt8] { (try? JSONEncoder().encode(self)).map(Array.init) ?? [] }

  /// Reads a datagram; nil for what is none of this job's.
  static func read(_ bytes: [UInt8], token: String) -> WatchMessage? {
    guard let message = try? JSONDecoder().decode(WatchMessage.self, from: Data(bytes)), message.token == token else {
      return nil
    }
    return message
  }
}

/// Where a rank's watch thread can be reached.
struct WatchCard: Codable, Sendable {
  /// The rank's host.
  var host: String
  /// Its port, as the network has it; 0 where it has no socket.
  var port: UInt16
  /// The host's addresses.
  var addresses: [UInt32]

  /// The addresses that lead from `host` to this card's rank.
  func targets(from host: String) -> [WatchSocket.Address] {
    if port == 0 { return [] }
    let all = host == self.host ? [WatchSocket.loopback] + addresses : addresses
    return all.map { WatchSocket.Address(host: $0, port: port) }
  }
}
