import Distributed

extension Communicator {
  /// Images that a rank takes before it asks whether to go on.
  private static let imagesAtOnce = 4

  /// Calls `body` for each of `count` images on one rank, which are dealt out in turn.
  ///
  /// All ranks call it, go through the same rounds, also where their share is an image shorter, and throw the same error;
  /// `EvaluationStopped` soon after `isStopped` has become true on some rank.
  func dealOut(_ count: Int, isStopped: () -> Bool, _ body: (_ position: Int) throws -> Void) throws {
    for first in stride(from: 0, to: count, by: Self.imagesAtOnce * size) {
      try collectively {
        let end = min(count, first + Self.imagesAtOnce * size)
        for position in stride(from: first + rank, to: end, by: size) { try body(position) }
      }
      if try agreeOnAny(isStopped()) { throw EvaluationStopped() }
    }
  }
}
