import Foundation
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
final class RunHistory: Sendable {
  private let file: AppendingFile

  /// Opens the file, behind what is there.
  ///
  /// - Throws: `InputError` with code 73.
  init(path: String) throws { file = try AppendingFile(path: path) }

  /// Appends an event.
  ///
  /// - Throws: `InputError` with code 73.
  func append(_ event: RunEvent) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try file.append(line: String(decoding: try encoder.encode(event), as: UTF8.self))
  }
}
