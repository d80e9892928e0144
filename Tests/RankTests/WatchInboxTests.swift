import Glibc
import Testing

@testable import Distributed

/// Oracle: Note [Who is believed], one rule after the other; RFC 4231 for the seal.
@Suite struct WatchInboxTests {
  private static func address(_ host: UInt32, _ port: UInt16) -> WatchSocket.Address {
    WatchSocket.Address(host: host.bigEndian, port: port.bigEndian)
  }

  /// Ranks 0 and 1 on one host, rank 2 on another; 0 and 2 are the keepers.
  private static let cards = [
    WatchCard(host: "h0", addresses: [address(0x7f00_0001, 100), address(0x0a00_0001, 200)]),
    WatchCard(host: "h0", addresses: [address(0x7f00_0001, 101), address(0x0a00_0001, 201)]),
    WatchCard(host: "h1", addresses: [address(0x0a00_0002, 202), address(0xc0a8_0002, 302)]),
  ]
  private let secret: JobSecret

  init() throws { secret = try #require(JobSecret(bytes: JobSecret.randomBytes())) }

  private func inbox(_ rank: Int) -> WatchInbox {
    WatchInbox(rank: rank, secret: secret, cards: Self.cards, keepers: [0, 2])
  }

  private func message(
    from sender: Int, to receiver: Int, _ number: UInt64 = 1, _ content: WatchMessage.Content = .verdict("over")
  ) -> WatchMessage {
    WatchMessage(sender: sender, receiver: receiver, number: number, content: content)
  }

  private func state(_ rank: Int, work: String = "a \"b\"\n\u{1b}[2J") -> RankState {
    RankState(
      rank: rank, host: "h", phase: "training", step: 2, work: work, isWaiting: true, seconds: 0.25, idleSeconds: 0)
  }

  @Test("the seal is HMAC-SHA256: RFC 4231 has this one, with a key that ends in zeros as keys are filled up")
  func seal() throws {
    let key = Array(repeating: UInt8(0x0b), count: 20) + Array(repeating: 0, count: 12)
    let sealed = try #require(JobSecret(bytes: key)).seal(Array("Hi There".utf8))
    let expected: [UInt8] = [
      0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf, 0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2,
      0x00, 0xc9, 0x83, 0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7,
    ]
    #expect(sealed == expected + Array("Hi There".utf8))
    #expect(JobSecret(bytes: Array(key.dropLast())) == nil)
    #expect(Set((0..<100).map { _ in JobSecret.randomBytes() }).count == 100)
  }

  @Test("messages survive their way; the secret is not in them")
  func messages() {
    let contents: [WatchMessage.Content] = [
      .state(state(2)), .answer(someoneWorks: true), .verdict("x"), .goodbye,
    ]
    for content in contents {
      let message = message(from: 2, to: 0, 1, content)
      let bytes = message.bytes(secret)
      #expect(WatchMessage.read(bytes, secret) == message)
      #expect(bytes.indices.allSatisfy { Array(bytes[$0...].prefix(4)) != Array(secret.bytes.prefix(4)) })
      var inbox = inbox(0)
      #expect(inbox.take(bytes, from: Self.address(0x0a00_0002, 202)) == message)
    }
  }

  @Test("what is not sealed with the job's secret, or was changed anywhere, is dropped undecoded")
  func forged() throws {
    var inbox = inbox(1)
    let source = Self.cards[0].addresses[0]
    let other = try #require(JobSecret(bytes: JobSecret.randomBytes()))
    let genuine = message(from: 0, to: 1).bytes(secret)
    #expect(inbox.take(message(from: 0, to: 1).bytes(other), from: source) == nil)
    for place in genuine.indices {
      var changed = genuine
      changed[place] ^= 0x20
      #expect(inbox.take(changed, from: source) == nil, "\(place)")
    }
    for length in [0, 1, 31, 32, genuine.count - 1] {
      #expect(inbox.take(Array(genuine.prefix(length)), from: source) == nil, "\(length)")
    }
    // Content without a seal, as any neighbour can write it.
    #expect(inbox.take(Array(genuine.dropFirst(32)), from: source) == nil)
    #expect(inbox.take(Array("GET / HTTP/1.0".utf8), from: source) == nil)
    #expect(inbox.take(genuine, from: source) != nil)
  }

  @Test("with the right secret: not from a rank that there is not, from oneself, for another, or for another's state")
  func ranks() {
    var inbox = inbox(0)
    let source = Self.cards[1].addresses[0]
    for sender in [7_777_777, 3, -1, .max, .min, 0] {
      #expect(inbox.take(message(from: sender, to: 0, 9, .goodbye).bytes(secret), from: source) == nil, "\(sender)")
    }
    #expect(inbox.take(message(from: 1, to: 2, 9, .goodbye).bytes(secret), from: source) == nil)
    #expect(inbox.take(message(from: 1, to: 0, 9, .state(state(2))).bytes(secret), from: source) == nil)
    #expect(inbox.take(message(from: 1, to: 0, 9, .state(state(1))).bytes(secret), from: source) != nil)
  }

  @Test("verdicts and answers are the keepers' alone")
  func keepersAlone() {
    var inbox = inbox(0)
    for content in [WatchMessage.Content.verdict("over"), .answer(someoneWorks: true)] {
      #expect(inbox.take(message(from: 1, to: 0, 9, content).bytes(secret), from: Self.cards[1].addresses[0]) == nil)
      let deputy = message(from: 2, to: 0, content == .verdict("over") ? 1 : 2, content)
      #expect(inbox.take(deputy.bytes(secret), from: Self.cards[2].addresses[0]) == deputy)
    }
  }

  @Test("what was recorded and is sent again is dropped, and so is anything older; other senders count for themselves")
  func replayed() {
    var inbox = inbox(1)
    func take(_ sender: Int, _ number: UInt64) -> Bool {
      let source = Self.cards[sender].addresses[0]
      return inbox.take(message(from: sender, to: 1, number).bytes(secret), from: source) != nil
    }
    #expect(take(0, 5) && !take(0, 5) && !take(0, 4) && take(0, 6))
    #expect(take(2, 1) && !take(2, 1))
    // A number of somebody else's invention does not shut the true sender out.
    let stranger = Self.address(0x0a00_0063, 200)
    #expect(inbox.take(message(from: 0, to: 1, .max).bytes(secret), from: stranger) == nil)
    #expect(take(0, 7))
  }

  @Test("an address is that of the sender's card and leads from its host: loopback for the same host alone")
  func addresses() {
    var inbox = inbox(1)
    let wrong = [
      Self.address(0x0a00_0001, 200),  // rank 0's, but for other hosts
      Self.address(0x7f00_0001, 102), Self.address(0x0a00_0063, 100), Self.address(0, 0),
    ]
    for source in wrong {
      #expect(inbox.take(message(from: 0, to: 1).bytes(secret), from: source) == nil, "\(source)")
      #expect(inbox.unexpectedSources == [0: source])
    }
    #expect(inbox.take(message(from: 2, to: 1).bytes(secret), from: Self.cards[0].addresses[0]) == nil)
    #expect(inbox.take(message(from: 0, to: 1).bytes(secret), from: Self.cards[0].addresses[0]) != nil)
    #expect(inbox.take(message(from: 2, to: 1, 1).bytes(secret), from: Self.cards[2].addresses[0]) != nil)
    #expect(inbox.take(message(from: 2, to: 1, 2).bytes(secret), from: Self.cards[2].addresses[1]) != nil)
  }

  @Test("a datagram to one's own port arrives; only the addresses that were asked for are bound, as far as they can be")
  func socket() throws {
    let sender = try #require(WatchSocket(on: [WatchSocket.loopback]))
    let receiver = try #require(WatchSocket(on: [WatchSocket.loopback]))
    #expect(receiver.receive() == nil && receiver.addresses.map(\.host) == [WatchSocket.loopback])
    sender.send([1, 2, 3], to: receiver.addresses[0])
    receiver.waitForDatagram(seconds: 5)
    let found = try #require(receiver.receive())
    #expect(found.bytes == [1, 2, 3] && found.sender == sender.addresses[0])
    // 192.0.2.1 is for documentation: no host has it.
    let nobodys = UInt32(0xc000_0201).bigEndian
    #expect(WatchSocket(on: []) == nil && WatchSocket(on: [nobodys]) == nil)
    #expect(WatchSocket(on: [nobodys, WatchSocket.loopback])?.addresses.map(\.host) == [WatchSocket.loopback])
    #expect("\(Self.address(0x0a01_02ff, 4242))" == "10.1.2.255:4242")
  }

  @Test("on one host the loopback alone is in use; towards another, addresses of one's own that its routes start from")
  func inUse() {
    let own = WatchSocket.ownAddresses()
    let host = WatchHost(name: "h0", addresses: own)
    #expect(host.addressesInUse(towards: [host, host]) == [WatchSocket.loopback])
    // The same address on another host, as every host has for its containers, leads to oneself.
    #expect(host.addressesInUse(towards: [WatchHost(name: "h1", addresses: own)]) == [])
    let other = WatchHost(name: "h1", addresses: [UInt32(0xc000_0201).bigEndian])
    let found = host.addressesInUse(towards: [host, other])
    #expect(found.first == WatchSocket.loopback && Set(found.dropFirst()).isSubset(of: Set(own)))
    #expect(WatchHost.keepers(of: [host, host, other, other]) == [0, 2])
    #expect(WatchHost.keepers(of: [host, host]) == [0, 1])
  }
}
