import Glibc
import Tensors

/// A TCP connection of this process with itself, over 127.0.0.1.
final class LoopbackConnection {
  private let sender: Int32
  private let receiver: Int32

  /// Connects; nil where the loopback interface is not to be had.
  init?() {
    let listener = Self.open()
    defer { close(listener) }
    let anyPort = WatchSocket.Address(host: WatchSocket.loopback, port: 0)
    guard listener >= 0, WatchSocket.withAddress(anyPort, { bind(listener, $0, $1) }) == 0, listen(listener, 1) == 0,
      let address = WatchSocket.name(of: listener)
    else { return nil }
    let end = Self.open()
    sender = end
    let isConnected = end >= 0 && WatchSocket.withAddress(address) { connect(end, $0, $1) } == 0
    receiver = isConnected ? accept(listener, nil, nil) : -1
    if receiver < 0 { return nil }
    for end in [sender, receiver] { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
  }

  deinit { for end in [sender, receiver] where end >= 0 { close(end) } }

  private static func open() -> Int32 {
    Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  /// Sends so many bytes and receives them, both on this thread; false where the connection breaks.
  func pass(from source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, count: Int) -> Bool {
    var (sent, received) = (0, 0)
    while received < count {
      if sent < count {
        let written = send(sender, source + sent, min(count - sent, Self.pieceBytes), Int32(MSG_NOSIGNAL))
        if written > 0 { sent += written } else if errno != EAGAIN { return false }
      }
      let arrived = recv(receiver, target + received, count - received, 0)
      if arrived > 0 { received += arrived } else if arrived == 0 || errno != EAGAIN { return false }
    }
    return true
  }

  /// What one call sends at most: a fragment of Open MPI, `btl_tcp_max_send_size`.
  private static let pieceBytes = 128 << 10
}
