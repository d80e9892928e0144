import Distributed
import Glibc

/// The memory that this process has had resident at most, in bytes.
func peakResidentBytes() -> Int {
  var usage = rusage()
  getrusage(RUSAGE_SELF.rawValue, &usage)
  return usage.ru_maxrss * 1024
}

extension Communicator {
  /// The largest peak of resident memory of any rank, in bytes; all ranks call it.
  func largestPeakResidentBytes() throws(RankError) -> Int {
    Int(try allreduced(Int64(peakResidentBytes()), .maximum))
  }
}
