import Glibc
import Tensors

/// What the sums of gradients cost the processor of a rank.
///
/// Open MPI has no progress thread here: it does this work inside its calls, on the thread that computes the step. So it
/// lengthens the step even where the time on the network hides behind the backward pass.
public struct TransferCosts: Codable, Equatable, Sendable {
  /// Until a rank has noticed a message that is there and passed it on; where ranks share cores, until it has its turn.
  public var messageSeconds: Double
  /// Sending a byte and receiving another by TCP: system calls, copies, and the kernel's protocol work.
  public var tcpSecondsPerByte: Double
  /// Copying a byte from the memory of another rank of the node.
  public var copySecondsPerByte: Double
  /// Adding a byte of floats to those of another rank, in one thread.
  public var sumSecondsPerByte: Double
  /// Rounding a float to bfloat16, adding it to another rank's, and making it a float again, with all threads.
  public var halfSecondsPerFloat: Double
  /// Bytes of a connection that the kernel keeps on the move while the program computes.
  public var socketBufferBytes: Int

  private enum CodingKeys: String, CodingKey {
    case messageSeconds = "message_seconds"
    case tcpSecondsPerByte = "tcp_seconds_per_byte"
    case copySecondsPerByte = "copy_seconds_per_byte"
    case sumSecondsPerByte = "sum_seconds_per_byte"
    case halfSecondsPerFloat = "half_seconds_per_float"
    case socketBufferBytes = "socket_buffer_bytes"
  }

  /// Costs of their parts.
  public init(
    messageSeconds: Double, tcpSecondsPerByte: Double, copySecondsPerByte: Double, sumSecondsPerByte: Double,
    halfSecondsPerFloat: Double,
    socketBufferBytes: Int
  ) {
    self.messageSeconds = messageSeconds
    (self.tcpSecondsPerByte, self.copySecondsPerByte) = (tcpSecondsPerByte, copySecondsPerByte)
    (self.sumSecondsPerByte, self.halfSecondsPerFloat) = (sumSecondsPerByte, halfSecondsPerFloat)
    self.socketBufferBytes = socketBufferBytes
  }
}

extension TransferCosts {
  /// Bytes that a measurement moves: more than the caches of a core, less than a second.
  private static let bytes = 16 << 20

  /// The costs of the rank where each is largest, measured in some tenths of a second; all ranks call it.
  ///
  /// Ranks that share cores or memory measure at the same time, as they would work. TCP goes over 127.0.0.1, whose packets
  /// take the same way through the kernel as those of a network interface, apart from the interface's driver. Throws 70 on
  /// all ranks where one has no loopback interface.
  public static func measure(_ communicator: Communicator) throws -> TransferCosts {
    let messageSeconds = try communicator.messageSeconds()
    let own = try communicator.collectively { try measureAlone() }
    var seconds = [own.tcpSecondsPerByte, own.copySecondsPerByte, own.sumSecondsPerByte, own.halfSecondsPerFloat]
    try communicator.allreduce(&seconds, .maximum)
    return TransferCosts(
      messageSeconds: messageSeconds, tcpSecondsPerByte: seconds[0], copySecondsPerByte: seconds[1],
      sumSecondsPerByte: seconds[2], halfSecondsPerFloat: seconds[3],
      socketBufferBytes: Int(try communicator.allreduced(Int64(own.socketBufferBytes), .minimum)))
  }

  /// What a rank finds by itself: all but the time of a message.
  private static func measureAlone() throws(InputError) -> TransferCosts {
    let (first, second) = (AlignedMemory(byteCount: bytes), AlignedMemory(byteCount: bytes))
    // Pages are there before anything is timed.
    for memory in [first, second] { memory.pointer(to: UInt8.self).update(repeating: 1, count: bytes) }
    guard let connection = LoopbackConnection() else { throw noLoopback }
    var isWhole = true
    let tcp = seconds {
      let isPassed = connection.pass(
        from: first.pointer(to: UInt8.self), to: second.pointer(to: UInt8.self), count: bytes)
      isWhole = isWhole && isPassed
    }
    if !isWhole { throw noLoopback }
    let copy = seconds { second.base.copyMemory(from: first.base, byteCount: bytes) }
    let (floats, sums) = (first.pointer(to: Float.self), second.pointer(to: Float.self))
    let count = bytes / MemoryLayout<Float>.stride
    for memory in [floats, sums] { memory.update(repeating: 1, count: count) }
    let sum = seconds { for index in 0..<count { sums[index] += floats[index] } }
    let halves = second.pointer(to: UInt16.self)
    let half = seconds {
      BFloat16Kernel.pack(floats, count: count, into: halves, capacity: count)
      BFloat16Kernel.sum([halves, halves + count / 2], into: halves, count: count / 2)
      BFloat16Kernel.unpack(halves, into: floats, count: count)
    }
    return TransferCosts(
      messageSeconds: 0, tcpSecondsPerByte: tcp / Double(bytes), copySecondsPerByte: copy / Double(bytes),
      sumSecondsPerByte: sum / Double(bytes), halfSecondsPerFloat: half / Double(count),
      socketBufferBytes: socketBufferBytes)
  }

  private static let noLoopback = InputError(
    .internalError, "127.0.0.1: no TCP connection of this process with itself; bring the interface lo up")

  /// The middle duration of five runs.
  private static func seconds(_ body: () -> Void) -> Double {
    let durations = (0..<5).map { _ in
      let start = monotonicSeconds()
      body()
      return monotonicSeconds() - start
    }
    return durations.sorted()[durations.count / 2]
  }

  /// What the smaller of a socket's largest send and receive buffer holds, which Linux reaches by itself under load.
  ///
  /// The kernel counts memory: for the 1448 bytes that a full Ethernet frame carries, 2048 and 256 of bookkeeping. On virtual
  /// hosts that are 20 ms apart, transfers were as fast as with 0.63 to 0.66 of the buffer.
  ///
  /// Source: tcp(7), `tcp_wmem` and `tcp_rmem`, whose third number is the maximum. 4 MiB, Linux's own, where they cannot be read.
  private static var socketBufferBytes: Int {
    let largest = ["wmem", "rmem"].compactMap { name in
      (kernelText("/proc/sys/net/ipv4/tcp_\(name)") ?? "").split(whereSeparator: \.isWhitespace).last
    }
    return (largest.compactMap { Int($0) }.min() ?? 4 << 20) * 1448 / (2048 + 256)
  }
}

extension Communicator {
  /// Seconds of a round of a ring that carries a single number, the median of some; 0 with one rank.
  ///
  /// All ranks call it.
  fileprivate func messageSeconds() throws(RankError) -> Double {
    if size == 1 { return 0 }
    let (runs, repetitions) = (5, 10)
    var durations: [Double] = []
    for _ in 0..<runs {
      try barrier()
      let start = monotonicSeconds()
      for _ in 0..<repetitions { _ = try allreduced(0.0, .sum) }
      durations.append((monotonicSeconds() - start) / Double(repetitions * 2 * (size - 1)))
    }
    return try allreduced(durations.sorted()[runs / 2], .maximum)
  }
}
