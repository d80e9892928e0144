import Distributed

/// What a rank has on its way over the network: pieces that wait for the kernel, in the kernel's buffer, and on the line.
///
/// All ranks send the same at the same time, so what a rank receives is what it sends: a piece that it sent has reached
/// its neighbour when the same piece of its other neighbour has reached it.
struct NodeLink {
  /// The part of a leg that one system call moves.
  struct Piece {
    /// The transfer that it belongs to.
    let transfer: Int
    let bytes: Int
    let linkSharers: Int
  }

  private struct Traveller {
    let piece: Piece
    /// When the receiver can read it.
    let arrival: Double
  }

  /// Bytes of a piece at most: a fragment of Open MPI, `btl_tcp_max_send_size`.
  private static let pieceBytes = 128 << 10

  private let bytesPerSecond: Double
  private let latencySeconds: Double
  private let bufferBytes: Int
  private var waiting: [Piece] = []
  private var firstWaiting = 0
  private var travelling: [Traveller] = []
  private var firstTravelling = 0
  /// What is in the kernel's buffer, by the time of its acknowledgement.
  private var unacknowledged: [(release: Double, bytes: Int)] = []
  private var firstUnacknowledged = 0
  private var bufferedBytes = 0
  private var lineIsFree = 0.0

  /// A line at rest: its rate, the time of a small message to its end, and what the kernels of both ends keep on the move.
  init(bytesPerSecond: Double, latencySeconds: Double, bufferBytes: Int) {
    (self.bytesPerSecond, self.latencySeconds, self.bufferBytes) = (bytesPerSecond, latencySeconds, bufferBytes)
  }

  /// Gives a leg to the kernel, behind all that waits unless it overtakes.
  mutating func enqueue(_ leg: MessageLeg, of transfer: Int, now: Double) {
    if leg.overtakes || leg.bytes == 0 {
      // Nothing of its size keeps a line busy.
      let latency = leg.bytes == 0 ? 0 : latencySeconds
      insert(Traveller(piece: Piece(transfer: transfer, bytes: leg.bytes, linkSharers: 0), arrival: now + latency))
      return
    }
    for start in stride(from: 0, to: leg.bytes, by: Self.pieceBytes) {
      waiting.append(
        Piece(transfer: transfer, bytes: min(Self.pieceBytes, leg.bytes - start), linkSharers: leg.linkSharers))
    }
  }

  /// The next piece, if the kernel has room for it; it counts as sent, and is on the line from `now` or when that is free.
  mutating func send(now: Double) -> Piece? {
    while firstUnacknowledged < unacknowledged.count, unacknowledged[firstUnacknowledged].release <= now {
      bufferedBytes -= unacknowledged[firstUnacknowledged].bytes
      firstUnacknowledged += 1
    }
    guard firstWaiting < waiting.count else { return nil }
    let piece = waiting[firstWaiting]
    if bufferedBytes > 0 && bufferedBytes + piece.bytes > bufferBytes { return nil }
    firstWaiting += 1
    lineIsFree = max(now, lineIsFree) + Double(piece.bytes * piece.linkSharers) / bytesPerSecond
    let arrival = lineIsFree + latencySeconds
    bufferedBytes += piece.bytes
    unacknowledged.append((arrival + latencySeconds, piece.bytes))
    insert(Traveller(piece: piece, arrival: arrival))
    return piece
  }

  /// The next piece that has arrived.
  mutating func receive(now: Double) -> Piece? {
    guard firstTravelling < travelling.count, travelling[firstTravelling].arrival <= now else { return nil }
    firstTravelling += 1
    return travelling[firstTravelling - 1].piece
  }

  /// When something can be received or sent next; nil when nothing is under way.
  var nextChange: Double? {
    let arrival = firstTravelling < travelling.count ? travelling[firstTravelling].arrival : nil
    let isBlocked = firstWaiting < waiting.count && firstUnacknowledged < unacknowledged.count
    let release = isBlocked ? unacknowledged[firstUnacknowledged].release : nil
    return [arrival, release].compactMap(\.self).min()
  }

  /// Keeps travellers in the order of their arrival.
  private mutating func insert(_ traveller: Traveller) {
    var place = travelling.count
    while place > firstTravelling, travelling[place - 1].arrival > traveller.arrival { place -= 1 }
    travelling.insert(traveller, at: place)
  }
}
