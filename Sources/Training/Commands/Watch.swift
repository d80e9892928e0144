import Datasets
import Foundation
import Tensors

/// `watch`: a run's log, from its last lines until the run ends.
public struct WatchRequest: Equatable, Sendable {
  /// The run directory.
  public var run: String

  /// A request.
  public init(run: String) { self.run = run }

  /// Lines that were there before.
  private static let earlierLines = 20
  /// Seconds between two looks.
  private static let pause = 0.5

  /// Shows the log as it grows; returns when the run has finished, and at once where it has.
  ///
  /// - Throws: `InputError` with code 66 where there is no run, 75 when it was stopped, and 74 when it failed or died.
  public func run(_ console: Console) throws {
    let directory = RunDirectory(path: run)
    var log = GrowingFile(directory.logFile, lastLines: Self.earlierLines)
    var life = SignsOfLife(directory.lockFile)
    while true {
      // Before the log: what a run writes before it ends is there once it has ended.
      let areSeen = life.areSeen()
      for line in log.newLines() { console.say(line) }
      if !areSeen { break }
      usleep(UInt32(Self.pause * 1e6))
    }
    let files = try RunFiles(run)
    let last = files.history.last { $0.kind != .warning }
    // A run that died before it said anything leaves the words of an earlier one. Times sort as text.
    let end = last.flatMap { event in life.since.map { $0 > event.time } == true ? nil : event }
    switch end?.kind {
    case .finished: return
    case .stopped: throw InputError(.interrupted, "\(run): \(files.state); the same command goes on from there")
    case .failed: throw InputError(.rankFailed, "\(run): \(files.state): \(end?.text ?? "")")
    case .started, .warning, nil:
      throw InputError(
        .rankFailed,
        "\(run): no process writes to it, and it says of no end; the same command goes on from its last checkpoint")
    }
  }
}

/// A file that others append lines to.
private struct GrowingFile {
  private let path: String
  /// Bytes that were read, and of them those behind the last whole line.
  private var (position, rest) = (UInt64(0), Data())
  /// How many of the lines that are there at first are wanted.
  private var earlierLines: Int?

  init(_ path: String, lastLines: Int) { (self.path, earlierLines) = (path, lastLines) }

  /// The whole lines that have come since the last call.
  mutating func newLines() -> [String] {
    guard let file = FileHandle(forReadingAtPath: path), (try? file.seek(toOffset: position)) != nil,
      let data = try? file.readToEnd()
    else { return [] }
    position += UInt64(data.count)
    var lines = (rest + data).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    rest = Data(lines.popLast() ?? Data())
    defer { earlierLines = nil }
    return lines.suffix(earlierLines ?? lines.count).map { String(decoding: $0, as: UTF8.self) }
  }
}
