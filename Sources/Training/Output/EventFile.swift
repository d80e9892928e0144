import Foundation
import Tensors

/// A TensorBoard event file with one curve for each figure, named `group/figure`.
public final class EventFile: Sendable {
  private let file: AppendingFile

  /// Creates a new event file in a run directory.
  ///
  /// A resumed run starts a file of its own; its first event tells TensorBoard to forget what a killed run wrote past
  /// the checkpoint.
  /// - Parameter step: updates done before, 0 for a new run.
  /// - Throws: `InputError` with code 73.
  public init(directory: RunDirectory, resumingAt step: Int, now: Double = Date().timeIntervalSince1970) throws {
    let name = "events.out.tfevents.\(Int(now)).\(ProcessInfo.processInfo.hostName).\(getpid())"
    file = try AppendingFile(path: "\(directory.path)/\(name)")
    var version = ProtocolBuffer()
    version.double(EventField.wallTime, now)
    version.string(EventField.fileVersion, "brain.Event:2")
    try file.append(RecordFraming.frame(version.bytes))
    if step > 0 {
      var log = ProtocolBuffer()
      log.integer(EventField.sessionStatus, EventField.sessionStart)
      var start = ProtocolBuffer()
      start.double(EventField.wallTime, now)
      start.integer(EventField.step, Int64(step) + 1)
      start.message(EventField.sessionLog, log)
      try file.append(RecordFraming.frame(start.bytes))
    }
  }

  /// Appends a point to each curve of a row.
  ///
  /// - Throws: `InputError` with code 73.
  public func append(_ row: MetricsRow, now: Double = Date().timeIntervalSince1970) throws {
    var summary = ProtocolBuffer()
    for figure in row.values {
      var value = ProtocolBuffer()
      value.string(EventField.tag, "\(row.group)/\(figure.name)")
      value.float(EventField.simpleValue, Float(figure.value))
      summary.message(EventField.summaryValue, value)
    }
    var event = ProtocolBuffer()
    event.double(EventField.wallTime, now)
    event.integer(EventField.step, Int64(row.step))
    event.message(EventField.summary, summary)
    try file.append(RecordFraming.frame(event.bytes))
  }
}

/// Field numbers of TensorBoard's messages Event, SessionLog, Summary and Summary.Value.
private enum EventField {
  static let wallTime: UInt32 = 1
  static let step: UInt32 = 2
  static let fileVersion: UInt32 = 3
  static let summary: UInt32 = 5
  static let sessionLog: UInt32 = 7
  static let sessionStatus: UInt32 = 1
  static let sessionStart: Int64 = 1
  static let summaryValue: UInt32 = 1
  static let tag: UInt32 = 1
  static let simpleValue: UInt32 = 2
}
