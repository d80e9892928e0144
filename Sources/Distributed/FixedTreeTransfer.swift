import Tensors

/// A bucket that pairs of ranks add, then pairs of pairs, until every rank has all.
///
/// In round k a rank adds its sum and that of the rank whose number differs in bit k. Addition commutes, so that both get
/// the same bits, and those of a binary tree over ranks 0, 1, 2, ... A rank sends log2 N times the bucket.
final class FixedTreeTransfer: BucketTransfer {
  private let communicator: Communicator
  private let floats: UnsafeMutablePointer<Float>
  private let count: Int
  private let tag: Int
  private let arrived: AlignedMemory
  private let messages: MessageSet
  /// The bit in which the partner of this round differs; the number of ranks when all rounds are done.
  private var bit = 0

  /// A transfer with a message tag of its own; the number of ranks must be a power of two.
  init(_ communicator: Communicator, _ floats: UnsafeMutablePointer<Float>, count: Int, tag: Int) {
    require(communicator.size.nonzeroBitCount == 1, "a tree over \(communicator.size) ranks, not a power of two")
    (self.communicator, self.floats, self.count, self.tag) = (communicator, floats, count, tag)
    arrived = AlignedMemory(byteCount: 4 * count)
    messages = MessageSet(communicator, capacity: 2)
  }

  var call: String { "exchange of gradients with rank \(communicator.rank ^ bit)" }
  var byteCount: Int { 4 * count }

  func post() throws(RankError) {
    bit = 1
    try exchange()
  }

  private func exchange() throws(RankError) {
    let partner = communicator.rank ^ bit
    try messages.receive(arrived.pointer(to: Float.self), count: count, from: partner, tag: tag)
    try messages.send(floats, count: count, to: partner, tag: tag)
  }

  func advance() throws(RankError) -> Bool {
    if bit >= communicator.size { return true }
    guard try messages.areComplete() else { return false }
    addFloats(floats, arrived.pointer(to: Float.self), count: count)
    bit <<= 1
    if bit < communicator.size { try exchange() }
    return bit >= communicator.size
  }
}

/// sum += addends.
private func addFloats(_ sum: UnsafeMutablePointer<Float>, _ addends: UnsafePointer<Float>, count: Int) {
  parallelRanges(count) { elements, _ in
    for element in elements { sum[element] += addends[element] }
  }
}
