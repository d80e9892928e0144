import Distributed
import Foundation
import Graph
import Tensors

extension RunCheck {
  /// What `doctor` looks at besides on each host: pages, shared memory, and Open MPI's settings.
  static var machine: [RunCheck] {
    [
      RunCheck("huge pages") { context in
        guard context.isFirstOfHost else { return [] }
        let file = "/sys/kernel/mm/transparent_hugepage/enabled"
        let text = kernelText(file) ?? ""
        // The one in force is in brackets.
        let setting = text.split(separator: "[").last.flatMap { $0.split(separator: "]").first }.map(String.init)
        guard let setting, text.contains("[") else { return [.ok("unknown here", on: context.host)] }
        if setting != "never" { return [.ok(setting, on: context.host)] }
        return [
          .warning(
            "switched off: large tensors cost more address translation",
            remedy: "echo madvise | sudo tee \(file)", on: context.host)
        ]
      },
      RunCheck("shared memory") { context in
        let ranks = context.facts.localRanks
        guard context.isFirstOfHost, ranks > 1, let shared = FileSystem(holding: "/dev/shm") else { return [] }
        let text = "\(shared.freeBytes >> 20) MiB free in /dev/shm for \(ranks) ranks"
        // A rank's segment has 4 MiB, and its queues to the others.
        if shared.freeBytes >= ranks * 16 << 20 { return [.ok(text, on: context.host)] }
        return [
          .warning(
            "\(text): Open MPI may die with SIGBUS", remedy: "start the container with --shm-size=1g", on: context.host)
        ]
      },
      RunCheck("Open MPI") { context in
        let facts = context.facts
        if facts.launcher == .none { return [.ok("not started for one rank")] }
        let environment = processEnvironment()
        let defaults = openMPIDefaults(localRanks: facts.localRanks, cores: processorsOnline())
        var findings: [Finding] = defaults.compactMap { parameter in
          let value = environment["OMPI_MCA_\(parameter.name)"] ?? ""
          if value == parameter.value { return nil }
          return .warning(
            "\(parameter.name) is \(value); measured best here: \(parameter.value)",
            remedy: "leave out --mca \(parameter.name), the program sets it")
        }
        // Only mpirun's own messages keep its connections alive; srun has Slurm for it.
        let keepalive = MPIRunKeepalive(openMPI: MPIEnvironment.openMPIMajor, environment: environment)
        if facts.nodes > 1 && facts.launcher == .mpirun && keepalive.idleSeconds > 60 {
          findings.append(
            .warning(
              "mpirun notices a silent host only after \(keepalive.idleSeconds) s and more (oob_tcp_keepalive_time)",
              remedy: keepalive.remedy))
        }
        let set = defaults.map { "\($0.name)=\($0.value)" }.joined(separator: ", ")
        return findings.isEmpty && context.communicator.rank == 0 ? [.ok("set by the program: \(set)")] : findings
      },
    ]
  }
}

/// After how long a silence mpirun asks a host whether it is there, as far as a rank can see.
struct MPIRunKeepalive {
  /// Seconds without a word before the first question; Open MPI's own value is 300.
  let idleSeconds: Int
  /// How to make it shorter.
  let remedy: String

  /// From the variables of a rank: Open MPI 4 tells it the launcher's settings, later versions only what `-x` hands on.
  init(openMPI major: Int, environment: [String: String]) {
    let variable = (major >= 5 ? "PRTE_MCA_" : "OMPI_MCA_") + "oob_tcp_keepalive_time"
    idleSeconds = environment[variable].flatMap { Int($0) } ?? 300
    let settings = "--mca oob_tcp_keepalive_time 10 --mca oob_tcp_keepalive_intvl 5 --mca oob_tcp_keepalive_probes 3"
    remedy = "launch/hosts, or mpirun \(settings)" + (major >= 5 ? " -x \(variable)=10" : "")
  }
}

/// The memory that processes of this host may use, in bytes.
struct HostMemory {
  /// What there is, or what the batch system or container allows.
  let limit: Int
  /// What is free of it now.
  let available: Int

  /// This host's.
  init() {
    let text = kernelText("/proc/meminfo") ?? ""
    func bytes(_ name: String) -> Int {
      let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") } ?? ""
      return (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
    var (limit, available) = (bytes("MemTotal"), bytes("MemAvailable"))
    // The groups from this process's own up to the root; each may be tighter.
    let groups = kernelText("/proc/self/cgroup") ?? ""
    var path = groups.split(separator: "\n").first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) } ?? ""
    func value(_ file: String) -> Int? {
      kernelText("/sys/fs/cgroup\(path)/\(file)").flatMap { Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
    while true {
      if let own = value("memory.max"), own < limit {
        limit = own
        available = min(available, max(0, own - (value("memory.current") ?? 0)))
      }
      guard let slash = path.lastIndex(of: "/") else { break }
      path = String(path[..<slash])
    }
    (self.limit, self.available) = (limit, available)
  }
}
