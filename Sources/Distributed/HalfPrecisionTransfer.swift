import Tensors

/// A bucket whose numbers travel as bfloat16 and are added as floats.
///
/// Each rank owns a share of the bucket. It gets that share of all ranks, adds them in the order of the ranks, and sends
/// the rounded sum to all. A gradient is rounded twice, to 8 bits each time; nothing is added in bfloat16. A rank sends
/// 4 (N - 1) / N bytes a float, half of what a ring of floats does.
final class HalfPrecisionTransfer: BucketTransfer {
  private enum Stage { case shares, sums, done }

  private let communicator: Communicator
  private let floats: UnsafeMutablePointer<Float>
  private let count: Int
  private let tag: Int
  /// Numbers of a share.
  private let share: Int
  /// The whole bucket as bfloat16, share after share: first this rank's addends, then the sums.
  private let halves: AlignedMemory
  private let messages: MessageSet
  private var stage = Stage.done

  /// The fewest floats of a bucket for which it can be used: what arrives is kept in the bucket's own memory.
  static func fits(_ count: Int, ranks: Int) -> Bool { 2 * count >= ranks * share(of: count, ranks: ranks) }

  private static func share(of count: Int, ranks: Int) -> Int { (count + 16 * ranks - 1) / (16 * ranks) * 16 }

  /// A transfer with message tags of its own, `tag` and the one after it.
  init(_ communicator: Communicator, _ floats: UnsafeMutablePointer<Float>, count: Int, tag: Int) {
    (self.communicator, self.floats, self.count, self.tag) = (communicator, floats, count, tag)
    share = Self.share(of: count, ranks: communicator.size)
    halves = AlignedMemory(byteCount: 2 * share * communicator.size)
    messages = MessageSet(communicator, capacity: 2 * (communicator.size - 1))
  }

  var call: String { stage == .shares ? "exchange of gradients" : "exchange of sums" }
  var byteCount: Int { 2 * count }

  private var others: [Int] { (0..<communicator.size).filter { $0 != communicator.rank } }

  /// A rank's share of the bucket in the send buffer.
  private func share(of rank: Int) -> UnsafeMutablePointer<UInt16> {
    halves.pointer(to: UInt16.self, at: 2 * share * rank)
  }

  /// Where this rank's share as a rank sent it arrives: in the bucket, whose floats are in the send buffer by then.
  private func arrived(from rank: Int) -> UnsafeMutablePointer<UInt16> {
    UnsafeMutableRawPointer(floats).assumingMemoryBound(to: UInt16.self) + share * rank
  }

  func post() throws(RankError) {
    BFloat16Kernel.pack(floats, count: count, into: share(of: 0), capacity: share * communicator.size)
    for rank in others { try messages.receive(arrived(from: rank), count: share, from: rank, tag: tag) }
    for rank in others { try messages.send(share(of: rank), count: share, to: rank, tag: tag) }
    stage = .shares
  }

  func advance() throws(RankError) -> Bool {
    switch stage {
    case .shares:
      guard try messages.areComplete() else { return false }
      try sendSums()
      stage = .sums
      return false
    case .sums:
      guard try messages.areComplete() else { return false }
      BFloat16Kernel.unpack(share(of: 0), into: floats, count: count)
      stage = .done
      return true
    case .done: return true
    }
  }

  private func sendSums() throws(RankError) {
    let own = share(of: communicator.rank)
    let addends = (0..<communicator.size).map { $0 == communicator.rank ? own : arrived(from: $0) }
    BFloat16Kernel.sum(addends, into: own, count: share)
    for rank in others { try messages.receive(share(of: rank), count: share, from: rank, tag: tag + 1) }
    for rank in others { try messages.send(own, count: share, to: rank, tag: tag + 1) }
  }
}
