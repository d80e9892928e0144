import Distributed
import Foundation

/// The memory that this process has had resident at most, in bytes.
func peakResidentBytes() -> Int {
  var usage = rusage()
  getrusage(RUSAGE_SELF.rawValue, &usage)
  return usage.ru_maxrss * 1024
}

/// The memory that this process has resident now, in bytes, each page divided by the processes that share it (Pss).
///
/// 0 where the system does not tell.
func proportionalResidentBytes() -> Int {
  guard let text = try? String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8) else { return 0 }
  let line = text.split(separator: "\n").first { $0.hasPrefix("Pss:") } ?? ""
  return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 } ?? 0
}

extension Communicator {
  /// The largest peak of resident memory of any rank, in bytes; all ranks call it.
  func largestPeakResidentBytes() throws(RankError) -> Int {
    Int(try allreduced(Int64(peakResidentBytes()), .maximum))
  }
}
