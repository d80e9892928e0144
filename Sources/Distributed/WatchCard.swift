/// Where a rank's watch thread can be reached, and where its datagrams come from.
struct WatchCard: Codable, Sendable {
  /// The rank's host.
  var host: String
  /// The addresses that its sockets are bound to: the loopback's for ranks of the same host, others for other hosts.
  var addresses: [WatchSocket.Address]

  /// The addresses that lead from `host` to this card's rank.
  func targets(from host: String) -> [WatchSocket.Address] {
    addresses.filter { ($0.host == WatchSocket.loopback) == (host == self.host) }
  }
}

/// A host as a rank tells of it before there are sockets.
struct WatchHost: Codable, Sendable {
  /// Its name.
  var name: String
  /// Its IPv4 addresses that are up, without the loopback's.
  var addresses: [UInt32]

  /// The ranks that hear of every rank: rank 0, and the first rank of another host, else rank 1.
  static func keepers(of hosts: [WatchHost]) -> [Int] {
    [0, hosts.firstIndex { $0.name != hosts[0].name } ?? 1]
  }

  /// The addresses of this host by which a rank and its peers see each other.
  ///
  /// On one host that is the loopback's alone. Between hosts it is what the routes to all of the peers' addresses start
  /// from: with several networks any may be the one that gets through. An address that both hosts have, such as that of a
  /// bridge for containers, leads nowhere.
  func addressesInUse(towards peers: [WatchHost]) -> [UInt32] {
    let isShared = peers.contains { $0.name == name }
    let others = Set(peers.filter { $0.name != name }.flatMap(\.addresses)).subtracting(addresses)
    let sources = Set(others.compactMap(WatchSocket.source(towards:))).intersection(addresses)
    return (isShared ? [WatchSocket.loopback] : []) + sources.sorted()
  }
}
