import Foundation
import Glibc

/// The processes of this machine, as `/proc` shows them at one moment.
struct ProcessTable {
  private var children: [pid_t: [pid_t]] = [:]

  /// Reads the table.
  init() {
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let process = pid_t(entry), let status = Self.text(process, "stat") else { continue }
      // After the name in parentheses: the state, then the parent.
      let fields = status.split(separator: ")").last?.split(separator: " ") ?? []
      if fields.count > 1, fields[0] != "Z", let parent = pid_t(fields[1]) {
        children[parent, default: []].append(process)
      }
    }
  }

  /// A process with all that it and its children have started.
  func family(of process: pid_t) -> [pid_t] {
    [process] + (children[process] ?? []).flatMap { family(of: $0) }
  }

  /// All processes.
  var all: [pid_t] { children.values.flatMap { $0 } }

  /// The words of a process's command line.
  static func arguments(_ process: pid_t) -> [String] {
    (text(process, "cmdline") ?? "").split(separator: "\0").map(String.init)
  }

  /// The program that a process runs.
  static func program(_ process: pid_t) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
  }

  /// The rank that a launcher gave to a process, 0 without a launcher.
  static func rank(_ process: pid_t) -> Int {
    let variables = (text(process, "environ") ?? "").split(separator: "\0")
    for name in ["OMPI_COMM_WORLD_RANK=", "PMIX_RANK=", "SLURM_PROCID="] {
      if let variable = variables.first(where: { $0.hasPrefix(name) }) {
        return Int(variable.dropFirst(name.count)) ?? 0
      }
    }
    return 0
  }

  private static func text(_ process: pid_t, _ file: String) -> String? {
    FileManager.default.contents(atPath: "/proc/\(process)/\(file)").map { String(decoding: $0, as: UTF8.self) }
  }
}
