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
  /// Seconds without a sign of life from another host until its run is taken for dead; five of its heartbeats.
  private static let silence = 20.0

  /// Shows the log as it grows; returns when the run has finished, and at once where it has.
  ///
  /// - Throws: `InputError` with code 66 where there is no run, 75 when it was stopped, and 74 when it failed or died.
  public func run(_ console: Console) throws {
    let directory = RunDirectory(path: run)
    _ = try RunFiles(run)
    var log = GrowingFile(directory.logFile, lastLines: Self.earlierLines)
    var life = SignsOfLife(directory.lockFile)
    while true {
      // What a run writes before it ends is there once it has ended.
      let isAlive = life.isSeen(silence: Self.silence)
      for line in log.newLines() { console.say(line) }
      if !isAlive { break }
      usleep(UInt32(Self.pause * 1e6))
    }
    let files = try RunFiles(run)
    let last = files.history.last { $0.kind != .warning }
    switch last?.kind {
    case .finished: return
    case .stopped:
      throw InputError(.interrupted, "\(run): \(files.state); the same command goes on from there")
    case .failed: throw InputError(.rankFailed, "\(run): \(files.state): \(last?.text ?? "")")
    case .started, .warning, nil:
      throw InputError(
        .rankFailed, "\(run): no process writes to it, and it says of no end; \(files.state); the same command goes on")
    }
  }
}

/// Whether the process that a lock file names still runs.
private struct SignsOfLife {
  private let path: String
  private var (changed, seen) = (0.0, monotonicSeconds())

  init(_ path: String) { self.path = path }

  /// A run empties its file at its end; one of another host touches it every few seconds.
  mutating func isSeen(silence: Double) -> Bool {
    guard let owner = RunOwner(file: path) else { return false }
    if owner.isOfThisHost { return owner.isAlive }
    let date = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    let now = monotonicSeconds()
    if let date, date.timeIntervalSince1970 != changed { (changed, seen) = (date.timeIntervalSince1970, now) }
    return now - seen < silence
  }
}

/// A file that others append lines to.
private struct GrowingFile {
  private let path: String
  /// Bytes that were read, and of them those behind the last whole line.
  private var (position, rest) = (UInt64(0), Data())
  private var linesToShow: Int?

  /// A file of which at first the last lines are wanted.
  init(_ path: String, lastLines: Int) { (self.path, linesToShow) = (path, lastLines) }

  /// The whole lines that have come since the last call.
  mutating func newLines() -> [String] {
    guard let file = FileHandle(forReadingAtPath: path), (try? file.seek(toOffset: position)) != nil,
      let data = try? file.readToEnd()
    else { return [] }
    position += UInt64(data.count)
    var lines = (rest + data).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    rest = Data(lines.popLast() ?? Data())
    defer { linesToShow = nil }
    return lines.suffix(linesToShow ?? lines.count).map { String(decoding: $0, as: UTF8.self) }
  }
}
