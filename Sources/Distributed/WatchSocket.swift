import Glibc
import Synchronization

/// Datagram sockets of this process, one on each of some IPv4 addresses and on no other.
///
/// Not one on all addresses that drops what came in elsewhere: what is bound to an address can be seen from outside
/// (`ss -ulpn`), needs no ancillary data, and sends from that address, on hosts with several networks too.
final class WatchSocket: Sendable {
  /// An address and a port, both as the network has them.
  struct Address: Hashable, Codable, Sendable, CustomStringConvertible {
    var host: UInt32
    var port: UInt16

    var description: String {
      let number = UInt32(bigEndian: host)
      let parts = [24, 16, 8, 0].map { "\(number >> UInt32($0) & 255)" }
      return "\(parts.joined(separator: ".")):\(UInt16(bigEndian: port))"
    }
  }

  /// What the sockets are bound to.
  let addresses: [Address]
  private let descriptors: [Int32]
  /// Which socket's address the route to a host starts from.
  private let routes = Mutex<[UInt32: Int]>([:])

  /// Opens a socket on a free port of each address that can be had; nil where none can.
  init?(on hosts: [UInt32]) {
    let bound = hosts.compactMap(Self.bound)
    if bound.isEmpty { return nil }
    (descriptors, addresses) = (bound.map(\.descriptor), bound.map(\.address))
  }

  deinit { descriptors.forEach { close($0) } }

  /// Sends a datagram; one that cannot be sent is lost, as any may be.
  func send(_ bytes: [UInt8], to address: Address) {
    let descriptor = descriptors[socket(towards: address.host)]
    _ = Self.withAddress(address) { sendto(descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), $0, $1) }
  }

  /// The next datagram that has come to any of the sockets; nil when there is none.
  func receive() -> (bytes: [UInt8], sender: Address)? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    for descriptor in descriptors {
      var source = sockaddr_in()
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let count = withUnsafeMutablePointer(to: &source) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT), $0, &length)
        }
      }
      if count >= 0 {
        return (Array(bytes[..<count]), Address(host: source.sin_addr.s_addr, port: source.sin_port))
      }
    }
    return nil
  }

  /// Returns when a datagram has come, or after so many seconds.
  func waitForDatagram(seconds: Double) {
    var requests = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    poll(&requests, UInt(requests.count), Int32(seconds * 1000))
  }

  /// The socket whose address the route to a host starts from; the last one where none's does.
  private func socket(towards host: UInt32) -> Int {
    routes.withLock { routes in
      if let known = routes[host] { return known }
      let source = host == Self.loopback ? host : Self.source(towards: host)
      let found = addresses.lastIndex { $0.host == source } ?? addresses.count - 1
      routes[host] = found
      return found
    }
  }

  private static func open() -> Int32 {
    Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  /// A socket on a free port of an address.
  private static func bound(to host: UInt32) -> (descriptor: Int32, address: Address)? {
    let opened = open()
    if opened < 0 { return nil }
    if withAddress(Address(host: host, port: 0), { bind(opened, $0, $1) }) == 0, let address = name(of: opened) {
      return (opened, address)
    }
    close(opened)
    return nil
  }

  /// The address of this host that datagrams to another come from, as the routes are now; nil where none leads there.
  ///
  /// Nothing is sent for that.
  static func source(towards host: UInt32) -> UInt32? {
    let opened = open()
    if opened < 0 { return nil }
    defer { close(opened) }
    // Any port will do.
    let code = withAddress(Address(host: host, port: UInt16(9).bigEndian)) { connect(opened, $0, $1) }
    return code == 0 ? name(of: opened)?.host : nil
  }

  /// The address that a socket is bound to.
  static func name(of descriptor: Int32) -> Address? {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    return code == 0 ? Address(host: address.sin_addr.s_addr, port: address.sin_port) : nil
  }

  /// 127.0.0.1.
  static let loopback = UInt32(0x7f00_0001).bigEndian

  /// The IPv4 addresses of this host that are up, without the loopback's.
  static func ownAddresses() -> [UInt32] {
    var list: UnsafeMutablePointer<ifaddrs>?
    if getifaddrs(&list) != 0 { return [] }
    defer { freeifaddrs(list) }
    var found: [UInt32] = []
    var entry = list
    while let interface = entry?.pointee {
      entry = interface.ifa_next
      guard let address = interface.ifa_addr, Int32(address.pointee.sa_family) == AF_INET,
        interface.ifa_flags & 1 /* IFF_UP */ != 0
      else { continue }
      let host = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr }
      if UInt32(bigEndian: host) >> 24 != 127 { found.append(host) }
    }
    return found
  }

  /// Calls `body` with an address as the system has it, and its length.
  static func withAddress<Result>(
    _ address: Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    var target = sockaddr_in()
    target.sin_family = sa_family_t(AF_INET)
    (target.sin_port, target.sin_addr.s_addr) = (address.port, address.host)
    let length = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafePointer(to: &target) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
