import Datasets
import Distributed
import Foundation
import Tensors

/// Who writes to a run directory, as its lock file says it.
struct RunOwner: Codable, Equatable {
  /// The host of the first rank.
  var host: String
  /// The process of the first rank.
  var process: Int32
  /// When it took the directory.
  var since: String
  /// When the process began, in the kernel's ticks since the host's start: tells it from a later one of that number.
  var processStart: Int

  /// This process, from now on.
  static func ofThisProcess() -> RunOwner {
    RunOwner(
      host: hostName(), process: getpid(), since: Date().formatted(.iso8601), processStart: startTicks(getpid()) ?? 0)
  }

  /// The owner that a lock file names; nil when it is empty or was cut short by a crash.
  init?(file path: String) {
    var bytes: [UInt8] = []
    guard (try? readFile(path, into: &bytes)) != nil,
      let owner = try? JSONDecoder().decode(RunOwner.self, from: Data(bytes))
    else { return nil }
    self = owner
  }

  private init(host: String, process: Int32, since: String, processStart: Int) {
    (self.host, self.process, self.since, self.processStart) = (host, process, since, processStart)
  }

  /// The line of the lock file.
  var line: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    return ((try? encoder.encode(self)).map(Array.init) ?? []) + [UInt8(ascii: "\n")]
  }

  /// Whether the process ran on this host.
  var isOfThisHost: Bool { host == hostName() }

  /// Whether a process of this host still runs.
  var isAlive: Bool { Self.startTicks(process) == processStart }

  /// For messages.
  var text: String { "process \(process) on \(host), since \(since)" }

  private static func startTicks(_ process: pid_t) -> Int? {
    // The name of the program stands in parentheses and may hold anything.
    guard let text = kernelText("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[end...].split(separator: " ")
    return fields.count > 20 ? Int(fields[20]) : nil
  }
}
