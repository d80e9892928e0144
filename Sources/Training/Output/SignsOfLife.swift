import Datasets
import Foundation
import Tensors

/// Whether the run that a lock file names still runs, as any process that sees the file can tell; see Note [One run a directory].
struct SignsOfLife {
  private let path: String
  /// Seconds without a sign before a run of another host, whose lock does not reach here, is taken for dead.
  private let silence: Double
  /// When the last run that was seen alive took the directory.
  private(set) var since: String?
  private var looksWithout = 0
  private var (stamp, seen) = (Date.distantPast, monotonicSeconds())

  /// Looks at the lock file of a run directory.
  init(_ path: String, silence: Double = RunClaim.Times().silence) { (self.path, self.silence) = (path, silence) }

  /// Whether there was a sign now or at the last look; one look may meet a file that is just written, or cannot be read.
  mutating func areSeen() -> Bool {
    looksWithout = isAlive() ? 0 : looksWithout + 1
    return looksWithout < 2
  }

  private mutating func isAlive() -> Bool {
    let owner = RunOwner(file: path)
    let isAlive = LockFile.isHeld(path) || owner.map { $0.isOfThisHost ? $0.isAlive : hasFreshStamp() } == true
    if isAlive, let owner { since = owner.since }
    return isAlive
  }

  /// Whether the file was touched since the last look, or not long ago.
  private mutating func hasFreshStamp() -> Bool {
    let date = (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
    if let date, date != stamp { (stamp, seen) = (date, monotonicSeconds()) }
    return monotonicSeconds() - seen < silence
  }
}
