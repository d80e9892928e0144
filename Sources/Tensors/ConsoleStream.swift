import Glibc

/// Standard output or standard error, written by a thread of its own, so that a reader who has stopped reading stops
/// nobody else.
///
/// Note [Nobody reads]
///
/// A pipe that is full, or a terminal held with Ctrl-S, keeps a writer waiting for ever, signals or not, and a training
/// run with all its ranks behind it. So the texts go through a queue. `write` waits until its text is out, which keeps the
/// order between the two streams and leaves nothing to be lost, but not for long; from then on it does not wait until
/// the reader has caught up. What the queue cannot hold is dropped, and its lines are counted and told where they would
/// have stood. The descriptor itself stays as it is: to make it nonblocking would do so for all who share it, such as
/// the shell.
public final class ConsoleStream: Sendable {
  /// The standard output of this process.
  public static let output = ConsoleStream(STDOUT_FILENO)
  /// The standard error of this process.
  public static let error = ConsoleStream(STDERR_FILENO)

  private struct State {
    var queue: [[UInt8]] = []
    var queuedBytes = 0
    /// Texts that were taken into the queue, and those of them that are out.
    var (accepted, finished) = (0, 0)
    /// Bytes that are out, by which a slow reader is told from none.
    var writtenBytes = 0
    /// Lines that were dropped and not told yet.
    var lostLines = 0
    /// Whether nobody waits for the reader until the queue is empty.
    var isStuck = false
    var hasThread = false
    var isClosed = false

    mutating func append(_ text: [UInt8]) {
      queue.append(text)
      queuedBytes += text.count
      accepted += 1
    }

    /// Tells what was dropped, in front of what comes next.
    mutating func noteLoss() {
      if lostLines == 0 { return }
      append(Array("[\(lostLines) lines are not shown, since nobody was reading]\n".utf8))
      lostLines = 0
    }
  }

  private let descriptor: Int32
  private let patienceSeconds: Double
  private let queueLimit: Int
  private let state = Monitor(State())

  /// A stream for a descriptor.
  /// - Parameters:
  ///   - patienceSeconds: how long a text is waited for.
  ///   - queueLimit: bytes that are kept for a reader who may go on.
  init(_ descriptor: Int32, patienceSeconds: Double = 0.5, queueLimit: Int = 1 << 20) {
    (self.descriptor, self.patienceSeconds, self.queueLimit) = (descriptor, patienceSeconds, queueLimit)
  }

  deinit { state.withLock { $0.isClosed = true } }

  /// Writes a text, or keeps it for a reader who is late.
  ///
  /// That there is no reader any more, or no room behind a file, is no error here.
  public func write(_ text: [UInt8]) {
    let number: Int? = state.withLock { state in
      if !state.hasThread { start(&state) }
      // A text alone may be as long as it likes.
      if !state.queue.isEmpty && state.queuedBytes + text.count > queueLimit {
        state.lostLines += text.count { $0 == UInt8(ascii: "\n") }
        return nil
      }
      state.noteLoss()
      state.append(text)
      return state.isStuck ? nil : state.accepted
    }
    guard let number else { return }
    let isOut: Void? = state.wait(atMostSeconds: patienceSeconds) { $0.finished >= number ? () : nil }
    if isOut == nil { state.withLock { $0.isStuck = $0.finished < number } }
  }

  /// Waits until everything is out, as long as something is read every second, and ten at most.
  public func flush() {
    let end = monotonicSeconds() + 10
    var before = -1
    while monotonicSeconds() < end {
      let written: Int? = state.wait(atMostSeconds: before < 0 ? 0 : 1) { $0.queue.isEmpty ? .max : nil }
      if written != nil { return }
      let now = state.withLock { $0.writtenBytes }
      if now == before { return }
      before = now
    }
  }

  private func start(_ state: inout State) {
    state.hasThread = true
    _ = Self.flushAtExit
    let (monitor, descriptor) = (self.state, descriptor)
    _ = WorkerThread { Self.run(monitor, descriptor) }
  }

  /// However the process ends by `exit`, a reader who is late gets its chance.
  private static let flushAtExit: Int32 = atexit {
    ConsoleStream.output.flush()
    ConsoleStream.error.flush()
  }

  private static func run(_ monitor: Monitor<State>, _ descriptor: Int32) {
    while true {
      // A text stays in the queue until it is out.
      let text: [UInt8]? = monitor.wait { state in
        if let first = state.queue.first { return .some(first) }
        return state.isClosed ? .some(nil) : nil
      }
      guard let text else { return }
      write(text, to: descriptor) { count in monitor.withLock { $0.writtenBytes += count } }
      monitor.withLock { state in
        state.queue.removeFirst()
        state.queuedBytes -= text.count
        state.finished += 1
        if !state.queue.isEmpty { return }
        state.noteLoss()
        state.isStuck = false
      }
    }
  }

  /// Writes a text here and now, however long its reader takes; that nobody reads or there is no room is no error.
  public static func write(_ text: [UInt8], to descriptor: Int32, progress: (Int) -> Void = { _ in }) {
    var written = 0
    while written < text.count {
      // Small pieces show that a reader goes on; one line of several ranks is one piece.
      let size = min(4096, text.count - written)
      let count = text.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress.map { $0 + written }, size) }
      if count >= 0 {
        written += count
        progress(count)
      } else if errno == EAGAIN {
        // Somebody who shares it has made it nonblocking.
        var request = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        poll(&request, 1, -1)
      } else if errno != EINTR {
        return
      }
    }
  }
}

/// Writes one line to standard error at once, so that lines of several ranks do not mix.
public func printError(_ line: String) {
  ConsoleStream.error.write(Array((shownLines(line) + "\n").utf8))
}
