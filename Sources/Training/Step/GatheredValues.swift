import Distributed

extension Communicator {
  /// The values of all ranks, rank after rank, on the first rank; an empty array on the others.
  ///
  /// All ranks call it; the values are plain numbers, whose bytes mean the same on every rank.
  func gatherValues<Value: BitwiseCopyable>(_ own: [Value]) throws -> [Value] {
    try gather(own.withUnsafeBytes { Array($0) }).flatMap { bytes in
      bytes.withUnsafeBytes { Array($0.bindMemory(to: Value.self)) }
    }
  }
}
