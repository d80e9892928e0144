import Logging

/// A backend of swift-log that shows messages on a run's console.
///
/// Warnings and errors look like the program's own warnings; information appears as plain lines. Metadata follows the
/// message in sorted order.
public struct ConsoleLogHandler: LogHandler {
  /// Details that every message carries.
  public var metadata: Logger.Metadata = [:]
  /// The least important level that is shown.
  public var logLevel = Logger.Level.info
  private let console: Console

  /// A backend that writes to a console.
  public init(console: Console) {
    self.console = console
  }

  /// One detail that every message carries.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Shows a message.
  public func log(event: LogEvent) {
    let merged = metadata.merging(event.metadata ?? [:]) { $1 }
    let details = merged.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    switch event.level {
    case .trace, .debug, .info, .notice: console.say("\(event.message)\(details)")
    case .warning, .error, .critical: console.warn("\(event.message)\(details)")
    }
  }
}
