import Glibc

/// A datagram socket of this process on all of its IPv4 addresses.
final class WatchSocket: Sendable {
  /// An address and a port, both as the network has them.
  struct Address: Hashable, Codable, Sendable {
    var host: UInt32
    var port: UInt16
  }

  /// The port, as the network has it.
  let port: UInt16
  private let descriptor: Int32

  /// Opens a socket on a port that is free; nil where there is none.
  init?() {
    let kind = SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
    let opened = socket(AF_INET, Int32(kind), 0)
    if opened < 0 { return nil }
    var address = Self.address(Address(host: 0, port: 0))
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(opened, $0, length) == 0 && getsockname(opened, $0, &length) == 0
      }
    }
    (descriptor, port) = (opened, address.sin_port)
    if !isBound { return nil }
  }

  deinit { close(descriptor) }

  /// Sends a datagram; one that cannot be sent is lost, as any may be.
  func send(_ bytes: [UInt8], to address: Address) {
    var target = Self.address(address)
    _ = withUnsafePointer(to: &target) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(
          descriptor, bytes, bytes.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), $0,
          socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }

  /// The next datagram that has come; nil when there is none.
  func receive() -> (bytes: [UInt8], sender: Address)? {
    var source = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = withUnsafeMutablePointer(to: &source) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        recvfrom(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT), $0, &length)
      }
    }
    if count < 0 { return nil }
    return (Array(bytes[..<count]), Address(host: source.sin_addr.s_addr, port: source.sin_port))
  }

  /// Returns when a datagram has come, or after so many seconds.
  func waitForDatagram(seconds: Double) {
    var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    poll(&request, 1, Int32(seconds * 1000))
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

  private static func address(_ address: Address) -> sockaddr_in {
    var result = sockaddr_in()
    result.sin_family = sa_family_t(AF_INET)
    (result.sin_port, result.sin_addr.s_addr) = (address.port, address.host)
    return result
  }
}
