import Datasets
import Foundation
import Synchronization
import Tensors

/// Something that happened to a run, a line of `history.jsonl`.
///
/// Unlike the metrics, of which a resumed run takes back the rows behind its checkpoint, the history keeps everything: it
/// tells what happened when.
public struct RunEvent: Codable, Equatable, Sendable {
  /// What happened.
  public enum Kind: String, Codable, Sendable {
    /// The run began, or went on from a checkpoint where its step is not 0.
    case started
    /// A stop was asked for, and a checkpoint is complete.
    case stopped
    /// All steps are done.
    case finished
    /// The run ended with an error.
    case failed
    /// A warning, such as images that were dropped or a step that was skipped.
    case warning
  }

  /// A name with what belongs to it.
  public struct Fact: Codable, Equatable, Sendable {
    /// What it is.
    public let name: String
    /// What it was.
    public let value: String

    /// A fact of its parts.
    public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
  }

  /// The time of the first rank's clock, as ISO 8601 says it, in UTC.
  public let time: String
  /// Updates done by then.
  public let step: Int
  /// What happened.
  public let kind: Kind
  /// In words; empty where the kind says all.
  public let text: String
  /// At a start: what is trained, and with what.
  public var facts: [Fact]?
  /// At a start: what the program runs on.
  public var environment: [Fact]?
  /// At a start: what the data hold, a paragraph a split.
  public var data: [String]?

  /// Something that happens now.
  public init(_ kind: Kind, step: Int, _ text: String = "") {
    (self.kind, self.step, self.text) = (kind, step, text)
    time = ISO8601DateFormatter.string(from: Date(), timeZone: .gmt, formatOptions: .withInternetDateTime)
  }
}

/// The writer of `history.jsonl`: one JSON object a line.
///
/// A disk that has no room for a line is told by the metrics, which are written more often.
final class RunHistory: Sendable {
  private let file: AppendingFile
  /// Updates done.
  private let step: Mutex<Int>

  /// Opens the file of a run that has done `step` updates, behind what is there; half a line at its end is taken out.
  ///
  /// - Throws: `InputError` with code 73.
  init(path: String, step: Int) throws {
    self.step = Mutex(step)
    var bytes: [UInt8] = []
    // What cannot be read cannot be appended to either, and is told there.
    if (try? readFile(path, into: &bytes)) != nil {
      let whole = bytes.prefix((bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)
      if whole.count < bytes.count { try RunDirectory.replace(path, with: String(decoding: whole, as: UTF8.self)) }
    }
    file = try AppendingFile(path: path)
  }

  /// The run has done so many updates.
  func reached(step: Int) { self.step.withLock { $0 = step } }

  /// Notes what happens now.
  func note(_ kind: RunEvent.Kind, _ text: String = "") { append(RunEvent(kind, step: step.withLock { $0 }, text)) }

  /// Appends an event.
  func append(_ event: RunEvent) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(event) else { return }
    try? file.append(line: String(decoding: line, as: UTF8.self))
  }
}
