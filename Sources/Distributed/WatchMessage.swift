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

  /// The rank that sends.
  var sender: Int
  /// The rank that it is for.
  var receiver: Int
  /// Larger than in every message of this sender before.
  var number: UInt64
  /// What it says.
  var content: Content

  /// The datagram.
  func bytes(_ secret: JobSecret) -> [UInt8] {
    (try? JSONEncoder().encode(self)).map { secret.seal(Array($0)) } ?? []
  }

  /// Reads a datagram; nil for what no rank of this job has sent.
  ///
  /// Nothing is decoded that is not sealed.
  static func read(_ bytes: [UInt8], _ secret: JobSecret) -> WatchMessage? {
    secret.open(bytes).flatMap { try? JSONDecoder().decode(WatchMessage.self, from: Data($0)) }
  }
}
