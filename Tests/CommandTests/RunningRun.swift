import Foundation
import Synchronization
import TestSupport
import Testing

/// Whose a run directory is, as its lock file says.
struct RunOwner: Decodable {
  let host: String
  let process: pid_t
  let since: String

  init(of run: String) throws {
    self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: "\(run)/lock.json")))
  }
}

/// A command that runs on a thread of its own.
final class Background: Sendable {
  private let ending = Mutex<Result<CommandResult, any Error>?>(nil)

  init(_ body: @escaping @Sendable () throws -> CommandResult) {
    Thread.detachNewThread {
      let result = Result { try body() }
      self.ending.withLock { $0 = result }
    }
  }

  var hasEnded: Bool { ending.withLock { $0 != nil } }

  /// Waits for its end.
  func result() throws -> CommandResult {
    HangLimit.wait { self.hasEnded }
    return try #require(ending.withLock { $0 }).get()
  }
}
