import Foundation
import TestSupport
import Testing

/// Oracle: a count by hand of what the machine's own files say.
@Suite struct MachineScriptTests {
  @Test("hardware threads of one core count once, and those that are forbidden not at all")
  func physicalCores() throws {
    let folder = try TemporaryDirectory("cores")
    // A machine on which each pair of neighbours is one core.
    try folder.install(script: "for cpu in $(seq 0 1023); do echo $cpu,$((cpu / 2)),0; done", as: "bin/lscpu")
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let list = try #require(status.firstMatch(of: /Cpus_allowed_list:\t(.*)/)?.1)
    let allowed = list.split(separator: ",").flatMap { range in
      let bounds = range.split(separator: "-").compactMap { Int($0) }
      return Array(bounds[0]...bounds[bounds.count - 1])
    }
    for cpus in [allowed, [allowed[0]]] {
      let result = try run(
        [
          "taskset", "-c", cpus.map(String.init).joined(separator: ","), "bash", "-c",
          "source '\(Locations.packageRoot)/launch/common.sh'; physical_cores",
        ],
        environment: ["PATH": folder.searchPath]
      )
      #expect(result.output == "\(Set(cpus.map { $0 / 2 }).count)\n", "\(result)")
    }
  }
}
