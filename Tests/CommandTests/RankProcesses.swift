import Foundation
import Glibc
import TestSupport

/// The processes of a job under mpirun that have this text in their arguments, by rank; those that have ended but are not
/// yet reaped do not count.
func rankProcesses(mentioning text: String) -> [Int: pid_t] {
  let name = "OMPI_COMM_WORLD_RANK="
  var found: [Int: pid_t] = [:]
  for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
    guard let process = pid_t(entry), let environment = FileManager.default.contents(atPath: "/proc/\(entry)/environ"),
      let variable = String(decoding: environment, as: UTF8.self).split(separator: "\0").first(where: {
        $0.hasPrefix(name)
      }),
      let rank = Int(variable.dropFirst(name.count)),
      let arguments = FileManager.default.contents(atPath: "/proc/\(entry)/cmdline"),
      String(decoding: arguments, as: UTF8.self).contains(text)
    else { continue }
    found[rank] = process
  }
  return found
}

/// Waits on a thread of its own until a run has logged a line with this text, and then acts.
func when(_ log: String, says text: String, _ act: @escaping @Sendable () -> Void) {
  Thread.detachNewThread {
    if HangLimit.wait(until: { (try? String(contentsOfFile: log, encoding: .utf8))?.contains(text) == true }) { act() }
  }
}
