/// A kind of work in a training step, as tables and traces name it.
public struct WorkLabel: Hashable, Codable, Sendable {
  /// The module, or what is worked on.
  public let name: String
  /// The part of the step: prepare, forward, backward, communicate or update.
  public let pass: String
  /// The kind of work, for example `convolution`.
  public let kind: String
  /// The chosen algorithm and implementation; empty where there is no choice.
  public let algorithm: String
  /// Floating-point operations of one run, 0 where the count says nothing.
  public let floatingPointOperations: Double
  /// The fewest floating-point operations that any method needs for it, 0 where the count says nothing.
  public let leastOperations: Double
  /// Whether it runs a library's reference implementation: right, and a hundred times slower than others.
  public let isReference: Bool
  /// Bytes of a rank that are summed over ranks, 0 for all other work.
  public let summedBytes: Int

  /// A label of its parts.
  public init(
    _ name: String, pass: String, kind: String, algorithm: String = "", floatingPointOperations: Double = 0,
    leastOperations: Double = 0, isReference: Bool = false, summedBytes: Int = 0
  ) {
    (self.name, self.pass, self.kind, self.algorithm) = (name, pass, kind, algorithm)
    self.floatingPointOperations = floatingPointOperations
    (self.leastOperations, self.isReference, self.summedBytes) = (leastOperations, isReference, summedBytes)
  }
}

/// What a rank worked on when, for profiles and traces; times are those of `monotonicSeconds`.
///
/// It is kept by one thread. Work that is recorded nowhere leaves a gap.
public final class Timeline {
  /// Who did the work.
  public enum Row: String, Codable, Sendable {
    /// The thread that runs the step: its spans never overlap.
    case compute
    /// Sums of gradients under way between ranks, each from its start to its completion: they may overlap.
    case allreduce
    /// Sums over ranks in the middle of work of the step's thread, which waits for them.
    case statistics
  }

  /// A piece of work from its start to its end.
  public struct Span: Codable, Sendable {
    /// What it was.
    public let label: WorkLabel
    /// Who did it.
    public let row: Row
    /// When it began, in seconds.
    public let start: Double
    /// When it ended, in seconds.
    public let end: Double

    /// A piece of work of its parts.
    public init(label: WorkLabel, row: Row, start: Double, end: Double) {
      (self.label, self.row, self.start, self.end) = (label, row, start, end)
    }

    /// How long it took.
    public var seconds: Double { end - start }
  }

  /// Everything recorded so far, by its end.
  public private(set) var spans: [Span] = []

  /// An empty timeline.
  public init() {}

  /// Records work from `start` until now.
  public func add(_ label: WorkLabel, row: Row = .compute, since start: Double) {
    spans.append(Span(label: label, row: row, start: start, end: monotonicSeconds()))
  }
}

extension Timeline? {
  /// Runs `body` and records it; without a timeline it only runs.
  @inline(__always)
  public func measure<Result>(
    _ label: @autoclosure () -> WorkLabel, _ body: () throws -> Result
  ) rethrows -> Result {
    guard let self else { return try body() }
    let start = monotonicSeconds()
    defer { self.add(label(), since: start) }
    return try body()
  }
}
