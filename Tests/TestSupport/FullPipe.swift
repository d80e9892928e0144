import Glibc

/// Fills a pipe to its last byte, so that the next write waits; returns how many bytes that took.
@discardableResult
public func fillPipe(_ descriptor: Int32) -> Int {
  let flags = fcntl(descriptor, F_GETFL)
  _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
  defer { _ = fcntl(descriptor, F_SETFL, flags) }
  let zeros = [UInt8](repeating: 0, count: 4096)
  var total = 0
  for size in [4096, 1] {
    while true {
      let count = write(descriptor, zeros, size)
      if count <= 0 { break }
      total += count
    }
  }
  return total
}
