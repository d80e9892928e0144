import Foundation
import TestSupport
import Testing

/// Oracle: what `launch/test-cluster` says in its head.
@Suite struct ClusterScriptTests {
  private static let script = "\(Locations.packageRoot)/launch/test-cluster"
  private static let isRoot = geteuid() == 0
  private static let user = OrdinaryUser.prefix(running: script)

  /// Runs the script with commands of its own in front of the system's, and returns what it asked apt-get for.
  private func run(_ arguments: [String], as user: [String] = []) throws -> (CommandResult, asked: String) {
    let folder = try TemporaryDirectory("scripts")
    let commands = [
      // No package is there; what is wanted is written down, and a compiler that does not compile ends the script.
      "dpkg-query": "exit 1", "apt-get": "echo \"$@\" >>'\(folder.file("asked"))'",
      "swift": "case \"$*\" in --version | 'build --version') echo 'Swift version 6.3.1' ;; *) exit 1 ;; esac",
    ]
    for (name, text) in commands { try folder.install(script: text, as: "bin/\(name)") }
    let result = try TestSupport.run(
      user + [Self.script] + arguments,
      environment: ["PATH": folder.searchPath, "DROPBLOCK_BUILD": folder.file("build")])
    return (result, (try? String(contentsOfFile: folder.file("asked"), encoding: .utf8)) ?? "")
  }

  @Test("what each part needs is installed, beside what the build needs", .enabled(if: isRoot, "the script needs root"))
  func packages() throws {
    let (slurm, asked) = try run(["slurm"])
    #expect(slurm.exitCode == 1 && slurm.errorOutput.contains("the build failed"), "\(slurm)")
    for package in ["libsodium-dev", "iproute2", "slurm-wlm", "slurm-client", "munge"] {
      #expect(asked.split(whereSeparator: \.isWhitespace).contains { $0 == package }, "\(package) in: \(asked)")
    }
    #expect(try !run(["hosts"]).asked.contains("slurm"))
  }

  @Test(
    "what cannot run is counted and named, and is no success",
    .enabled(if: user != nil, "no ordinary user can read the scripts here"))
  func skipped() throws {
    let (result, asked) = try run([], as: Self.user ?? [])
    #expect(result.exitCode == 77 && asked.isEmpty, "\(result)")
    #expect(result.output == "passed 0; failed 0; skipped 2: hosts slurm (needs root)\n", "\(result)")
  }
}
