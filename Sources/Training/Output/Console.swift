import Datasets
import Glibc
import Synchronization
import Tensors

/// What the user of a run sees, and its copy in `log.txt`.
///
/// Only rank 0's console shows anything; the others accept every call and stay silent. Safe to use from several
/// threads.
public final class Console: Sendable {
  /// How this console draws.
  public let style: ConsoleStyle

  private struct State {
    var log: AppendingFile?
    var warned: (@Sendable (String) -> Void)?
    /// What was shown before there was a log, for its start.
    var early: [String] = []
    /// The warnings among it.
    var earlyWarnings: [String] = []
    var bar = ""
    var lastDrawn = 0.0
  }

  private let state = Mutex(State())
  private let write: @Sendable (Int32, [UInt8]) -> Void

  /// A console that writes to standard output and standard error.
  ///
  /// - Parameter waitsForReader: whether it waits as long as a reader of standard output likes, as a program does whose
  ///   purpose is what it prints; see Note [Nobody reads].
  public convenience init(style: ConsoleStyle, waitsForReader: Bool = false) {
    self.init(style: style) { descriptor, bytes in
      switch (descriptor, waitsForReader) {
      case (STDOUT_FILENO, false): ConsoleStream.output.write(bytes)
      case (STDOUT_FILENO, true): ConsoleStream.write(bytes, to: STDOUT_FILENO)
      default: ConsoleStream.error.write(bytes)
      }
    }
  }

  /// A console that hands its bytes, with the descriptor they are for, to `write`.
  init(style: ConsoleStyle, write: @escaping @Sendable (Int32, [UInt8]) -> Void) {
    (self.style, self.write) = (style, write)
  }

  /// Copies everything from now on to a file, and hands on every warning, after what was shown before.
  public func mirror(to log: AppendingFile, warned: @escaping @Sendable (String) -> Void = { _ in }) {
    let warnings = state.withLock { state in
      (state.log, state.warned) = (log, warned)
      for text in state.early { Self.record(text, in: &state) }
      defer { (state.early, state.earlyWarnings) = ([], []) }
      return state.earlyWarnings
    }
    for warning in warnings { warned(warning) }
  }

  /// Shows lines that stay.
  public func say(_ text: String) {
    show(text, on: STDOUT_FILENO)
  }

  /// Notes in the log what was shown elsewhere.
  public func log(_ text: String) {
    state.withLock { Self.record(shownLines(text), in: &$0) }
  }

  /// Shows a warning that stays, on standard error.
  public func warn(_ text: String) {
    show("warning: \(text)", on: STDERR_FILENO)
    let warned = state.withLock { state in
      if state.warned == nil && state.earlyWarnings.count < 100 { state.earlyWarnings.append(text) }
      return state.warned
    }
    warned?(text)
  }

  /// Shows a title and what belongs to it, one aligned line each.
  public func header(_ title: String, _ rows: [(label: String, value: String)]) {
    let width = rows.map(\.label.count).max() ?? 0
    say(([title] + rows.map { "  \(NumberText.left($0.label, width))  \(shown($0.value))" }).joined(separator: "\n"))
  }

  /// Shows what the data hold, and warns of what looks wrong with them.
  public func data(_ censuses: [DataCensus?]) {
    for census in censuses.compactMap(\.self) {
      say(census.text)
      for warning in census.warnings { warn("\(census.name): \(warning)") }
    }
  }

  /// Shows a step that is to be recorded: a line on a plain console and in the log, the bar on a live one.
  public func progress(_ metrics: TrainingMetrics, totalSteps: Int, secondsLeft: Double) {
    let line = ProgressLine(metrics: metrics, totalSteps: totalSteps, secondsLeft: secondsLeft)
    switch style {
    case .silent: return
    case .plain: say(line.plain)
    case .live(let columns):
      state.withLock { state in
        Self.record(line.plain, in: &state)
        draw(line.bar(columns: columns), &state)
      }
    }
  }

  /// Moves the bar of a live console, at most ten times a second; does nothing on others.
  public func tick(_ metrics: TrainingMetrics, totalSteps: Int, secondsLeft: Double) {
    guard case .live(let columns) = style else { return }
    let now = monotonicSeconds()
    state.withLock { state in
      guard now - state.lastDrawn >= 0.1 else { return }
      let line = ProgressLine(metrics: metrics, totalSteps: totalSteps, secondsLeft: secondsLeft)
      draw(line.bar(columns: columns), &state)
    }
  }

  /// Takes the bar of a live console away, for example at the end of the run.
  public func clearBar() {
    state.withLock { state in
      if !state.bar.isEmpty { write(STDOUT_FILENO, Array("\r\u{1B}[K".utf8)) }
      state.bar = ""
    }
  }

  private func show(_ text: String, on descriptor: Int32) {
    if style == .silent { return }
    let text = shownLines(text)
    state.withLock { state in
      let bar = state.bar
      if !bar.isEmpty { write(STDOUT_FILENO, Array("\r\u{1B}[K".utf8)) }
      write(descriptor, Array("\(text)\n".utf8))
      if !bar.isEmpty { write(STDOUT_FILENO, Array(bar.utf8)) }
      Self.record(text, in: &state)
    }
  }

  private func draw(_ bar: String, _ state: inout State) {
    write(STDOUT_FILENO, Array("\r\(bar)\u{1B}[K".utf8))
    state.bar = bar
    state.lastDrawn = monotonicSeconds()
  }

  /// The log is a copy: when the disk is full, the run's own files report it, with their code.
  private static func record(_ text: String, in state: inout State) {
    guard let log = state.log else {
      if state.early.count < 100 { state.early.append(text) }
      return
    }
    do {
      try log.append(line: text)
    } catch {
      state.log = nil
    }
  }
}
